"""WeChat's own doors: the mini-program's sign-in and phone numbers, the official account's OAuth, their messages."""
