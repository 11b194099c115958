"""The outside, simulated on the real wire: WeChat, WeChat Pay, Alipay, Tencent Cloud and the government platform.

Nothing here imports the product, so its signing and encrypting is a second opinion on ours. See README.md.
"""
