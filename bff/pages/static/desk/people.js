/* Serving somebody with an ID card and no phone. Plain ES2017 without a build step: venues have old PCs.
 *
 * A card reader is a keyboard: it types 18 characters and Enter, wherever the focus is. The number is kept in memory
 * only, and no longer than it takes to register whoever has it; nothing of a person stands in an address or in a
 * storage. Each act has one key: if its answer is lost, the same goes out again.
 */
(function () {
  "use strict";

  const ANSWER_WITHIN_MS = 25000; // the authority that is asked may think
  const FORGET_AFTER_MS = 180000;
  const GREEN_SHOWN_MS = 3000;
  const ID_NUMBER = /^[0-9]{17}[0-9X]$/;

  const byId = function (id) { return document.getElementById(id); };
  const field = byId("number");
  const hint = byId("hint");
  const verdict = byId("verdict");
  const FIRST = { register: "name", helper: "phone", join: "merge-code" }; // elsewhere the card's field: a reader ends with Enter
  const BEFORE = { contested: "person", join: "person", ahead: "person", "give-up": "person", vouchers: "person", voucher: "person", helper: "person", "no-helpers": "person", invited: "person", concession: "person",
    book: "person", booked: "person" };

  let step = "idle";
  let idNumber = "";     // of whom nobody knows yet
  let person = null;     // whose card was read
  let chosen = null;     // the slot that is booked
  let key = "";
  let asking = false;
  let unanswered = null; // the act whose answer was lost
  let closing = 0;
  let afterVerdict = null;
  let lastUsedAt = Date.now();

  /* ---- Asking the house ---- */

  function act(address, said, answered, onRefusal) { // one at a time; a refusal is shown large
    if (asking) return;
    setAsking(true);
    const request = new XMLHttpRequest();
    request.open("POST", address);
    request.setRequestHeader("Content-Type", "application/json");
    request.timeout = ANSWER_WITHIN_MS;
    request.onload = function () {
      setAsking(false);
      const told = parse(request.responseText);
      if (request.status === 401) {
        forget();
        return show("RED", "请登录", "登录已过期", "", "请重新登录后再办理。", "again");
      }
      if (request.status >= 500 || !told) return lost();
      if (!told.refused) return answered(told);
      if (!onRefusal || !onRefusal(told.refused)) refuse(told.refused);
    };
    request.onerror = request.ontimeout = request.onabort = function () {
      setAsking(false);
      lost();
    };
    request.send(JSON.stringify(said));

    function lost() {
      unanswered = function () { act(address, said, answered, onRefusal); };
      show("YELLOW", "请重试", "网络没有回应", "", "请按重试；不会重复办理。", "retry");
    }
  }

  function refuse(refused) {
    const passing = refused.code === "OUTSIDE_UNAVAILABLE" || refused.code === "TOO_MANY_ATTEMPTS";
    show(passing ? "YELLOW" : "RED", passing ? "请稍候" : "未完成", refused.message, "", refused.nextStep);
  }

  byId("retry").addEventListener("click", function () {
    const again = unanswered;
    closeVerdict();
    if (again) again();
  });

  function setAsking(now) {
    asking = now;
    document.body.classList.toggle("is-checking", now);
    byId("busy").textContent = now ? "正在处理，请稍候……" : "";
  }

  function newKey() {
    const bytes = window.crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, function (byte) { return ("0" + byte.toString(16)).slice(-2); }).join("");
  }

  function parse(text) {
    try { return JSON.parse(text); } catch (malformed) { return null; }
  }

  /* ---- A card is read ---- */

  byId("find").addEventListener("submit", function (event) {
    event.preventDefault();
    const text = plain(field.value);
    if (!text) return;
    if (!ID_NUMBER.test(text)) {
      return showHint("身份证号是 18 位，末位可能是 X；现在读到 " + text.length + " 位。请切换到英文输入法，核对后再试。");
    }
    find(text);
  });

  function find(number) {
    if (asking) return;
    forget();
    act("/desk/people/find", { idNumber: number }, function (told) {
      if (told.person) return showPerson(told.person);
      startRegister(number);
    }, function (refused) {
      if (refused.code !== "ID_NUMBER_WRONG") return false;
      field.value = number; // to be corrected
      showHint(refused.message + refused.nextStep);
      field.focus();
      return true;
    });
  }

  function isCard(input) { // a reader does not know what is asked for
    const text = plain(input.value);
    if (!ID_NUMBER.test(text)) return false;
    input.value = "";
    find(text);
    return true;
  }

  function plain(text) {
    return text
      .replace(/[！-～]/g, function (wide) { return String.fromCharCode(wide.charCodeAt(0) - 0xfee0); })
      .replace(/[\s-]/g, "")
      .toUpperCase();
  }

  field.addEventListener("compositionstart", function () {
    showHint("请切换到英文输入法（通常按 Shift 键），再读一次。");
  });

  function showHint(text) {
    hint.textContent = text;
    hint.hidden = false;
  }

  function hideHint() { hint.hidden = true; }

  /* ---- Nobody is kept on the screen ---- */

  function forget() {
    person = chosen = unanswered = null;
    idNumber = key = "";
    document.querySelectorAll(".till input").forEach(function (input) {
      if (input.type === "checkbox" || input.type === "radio") input.checked = input.defaultChecked;
      else input.value = input.defaultValue;
    });
    ["admissions", "unpaid", "concessions", "grid", "register-number", "person-name", "person-age", "person-level",
      "invitation-code", "invitation-until", "invitation-phone", "invitation-powers", "chosen-says", "booked-line",
      "booked-no", "booked-total", "booked-held", "vouchers", "open-kinds", "voucher-title", "voucher-picture",
      "voucher-code", "ahead", "give-up-says", "give-up-back", "give-up-way"].forEach(empty);
    document.querySelectorAll("details").forEach(function (each) { each.open = false; });
    byId("somebody").hidden = true;
    byId("nobody").hidden = false;
    hideHint();
    closeVerdict(true);
    go("idle");
  }

  function used() { lastUsedAt = Date.now(); }

  ["keydown", "mousedown", "touchstart"].forEach(function (kind) { document.addEventListener(kind, used, true); });

  function forgetWhenIdle() { // a clock that is looked at: a PC that slept has no timers
    if (Date.now() - lastUsedAt < FORGET_AFTER_MS) return;
    if (!person && !idNumber && !unanswered && !field.value) return;
    forget();
    showHint("已有 3 分钟没有操作，顾客信息已清除。请重新读卡。");
  }

  window.setInterval(forgetWhenIdle, 5000);
  window.addEventListener("focus", forgetWhenIdle);
  document.addEventListener("visibilitychange", forgetWhenIdle);
  window.addEventListener("pagehide", forget);
  byId("finished").addEventListener("click", forget);

  /* ---- Steps ---- */

  function go(to) {
    step = to;
    document.querySelectorAll(".step").forEach(function (each) {
      each.hidden = each.getAttribute("data-step") !== to;
    });
    byId("back").hidden = to === "idle";
    document.querySelector(".till").scrollTop = 0;
    focusFirst();
  }

  function focusFirst() { byId(FIRST[step] || "number").focus(); }

  function back() {
    hideHint();
    if (BEFORE[step] && person) return showPerson(person);
    forget();
  }

  byId("back").addEventListener("click", back);

  const KEYS = {
    person: ["#admissions button", "[data-go=book]", "[data-go=helper]", "[data-go=concession]", "", "[data-go=vouchers]"],
    voucher: ["#voucher-print", "#voucher-done"],
    invited: ["#print", "#invited-done"],
    book: ["[data-days='0']", "[data-days='1']"],
    booked: ["#to-money", "#booked-done"],
  };

  document.addEventListener("keydown", function (event) {
    if (!verdict.hidden) {
      if (event.key === "Escape") closeVerdict();
      else if (event.key.length === 1 && byId("retry").hidden && byId("again").hidden) closeVerdict(); // the next card
      return;
    }
    if (event.key === "Escape") return back();
    if (/^[0-9]$/.test(event.key) && !isTypedIn(document.activeElement)) field.focus(); // a card is being read
    if (!/^F[1-46]$/.test(event.key)) return;
    event.preventDefault(); // else a browser's help or search
    const place = (KEYS[step] || [])[Number(event.key[1]) - 1];
    const button = place && document.querySelector(place);
    if (button && !button.hidden) button.click();
  });

  function isTypedIn(place) {
    return place && place.tagName === "INPUT" && place.type !== "checkbox" && place.type !== "radio";
  }

  /* ---- Somebody ---- */

  function showPerson(found) {
    person = found;
    idNumber = "";
    byId("nobody").hidden = true;
    byId("somebody").hidden = false;
    byId("person-name").textContent = found.name;
    byId("person-age").textContent = found.age;
    byId("person-level").textContent = found.levelSays;
    listConcessions(found.concessions);
    byId("today-says").textContent = found.admissions.length ? "今天在本馆的预订" : "今天在本馆没有预订";
    const visits = empty("admissions");
    found.admissions.forEach(function (each) { showVisit(visits, each); });
    numberFirst(visits);
    const unpaid = empty("unpaid");
    found.unpaid.forEach(function (orderNo) {
      const item = add(unpaid, "li");
      add(item, "b", "待付款订单");
      add(item, "span", orderNo);
      const link = add(item, "a", "去收款");
      link.href = "/desk/money#" + orderNo;
      link.className = "way";
    });
    go("person");
  }

  function showVisit(visits, visit) {
    const item = add(visits, "li");
    add(item, "b", visit.court + (visit.seat > 1 ? "（同行第" + visit.seat + "位）" : ""));
    add(item, "span", visit.time + (visit.isInside ? "　已入场" : ""));
    const button = add(item, "button", visit.isInside ? "离场" : "人证相符，放行");
    button.type = "button";
    button.className = visit.isInside ? "is-plain" : "is-go";
    button.addEventListener("click", function () { letPass(visit); });
  }

  function numberFirst(visits) {
    const first = visits.querySelector("button");
    if (first) first.insertBefore(document.createElement("kbd"), first.firstChild).textContent = "F1";
  }

  function letPass(visit) { // the scan page's own act, with the card in hand
    const direction = visit.isInside ? "EXIT" : "ENTRY";
    visit.nonce = visit.nonce || newKey(); // the same until there is an answer
    const said = { code: visit.code, nonce: visit.nonce, direction: direction, idChecked: true };
    act("/desk/redeem", said, function (told) {
      visit.nonce = "";
      const passed = told.colour === "GREEN";
      if (passed) visit.isInside = direction === "ENTRY";
      const word = passed ? (direction === "ENTRY" ? "请进" : "请慢走") : told.colour === "RED" ? "未通过" : "请稍等";
      const where = passed ? [told.court, told.time].filter(Boolean).join("　") : "";
      show(told.colour, word, told.headline, told.detail || where, told.nextStep, null, function () {
        if (person) showPerson(person);
      });
    });
  }

  function listConcessions(held) {
    const list = empty("concessions");
    const mayGrant = Boolean(document.querySelector("[data-go=concession]"));
    held.forEach(function (each) {
      const item = add(list, "li");
      add(item, "b", each.word);
      add(item, "small", each.until ? "有效至" + each.until : "由年龄认定");
      if (!each.id || !mayGrant) return;
      const button = add(item, "button", "撤销");
      button.type = "button";
      button.className = "quiet";
      button.addEventListener("click", function () {
        act("/desk/people/revoke", { personId: person.personId, concessionId: each.id }, function (told) {
          showPerson(told.person);
        });
      });
    });
  }

  byId("services").addEventListener("click", function (event) {
    const button = event.target.closest("button");
    if (!button) return;
    hideHint();
    key = newKey();
    const to = button.getAttribute("data-go");
    if (to === "helper") startHelper();
    if (to === "concession") startConcession();
    if (to === "book") startBook();
    if (to === "vouchers") startVouchers();
  });

  /* ---- Registering ---- */

  function startRegister(number) {
    idNumber = number;
    key = newKey();
    byId("register-number").textContent = "尾号 " + number.slice(-4);
    byId("name").value = "";
    untick("real-name-text");
    go("register");
  }

  onSubmit("register", function () {
    if (isCard(byId("name"))) return;
    const name = byId("name").value.trim();
    if (!name) return showHint("请照身份证填写姓名。");
    if (!isRead("real-name-text")) return;
    hideHint();
    const said = { name: name, idNumber: idNumber, version: version("real-name-text"), key: key };
    act("/desk/people/verify", said, function (told) {
      const unknown = told.person.level === "DESK_ONLY";
      showPerson(told.person);
      byId("name").value = "";
      if (unknown) show("YELLOW", "已登记", "核验机构暂无这个号码的记录", "", "已按前台核对的人证登记，可以继续办理。");
      else show("GREEN", "已登记", told.person.name + "　" + told.person.levelSays, "", "");
    });
  });

  /* ---- A helper ---- */

  function startHelper() {
    byId("phone").value = "";
    document.querySelectorAll("[name=power]").forEach(function (each) { each.checked = true; });
    untick("helper-text");
    key = newKey();
    go("helper");
  }

  onSubmit("helper", function () {
    if (isCard(byId("phone"))) return;
    const phone = plain(byId("phone").value);
    if (!/^(\+?86)?1[0-9]{10}$/.test(phone)) return showHint("请填写协助人的 11 位手机号。");
    const powers = Array.from(document.querySelectorAll("[name=power]:checked"), function (each) { return each.value; });
    if (!powers.length) return showHint("请至少选择一项协助人可以做的事。");
    if (!isRead("helper-text")) return;
    hideHint();
    const said = { personId: person.personId, phone: phone, powers: powers, version: version("helper-text"), key: key };
    act("/desk/people/invite-helper", said, function (told) {
      byId("phone").value = "";
      byId("invitation-code").textContent = told.invitation.code;
      byId("invitation-until").textContent = told.invitation.until;
      byId("invitation-phone").textContent = phone.slice(-4);
      byId("invitation-powers").textContent = told.invitation.powers;
      go("invited");
    });
  });

  byId("print").addEventListener("click", function () { window.print(); });
  byId("invited-done").addEventListener("click", done);

  function done() {
    empty("invitation-code");
    showPerson(person);
  }

  byId("no-helpers").addEventListener("click", function () {
    hideHint();
    if (person) go("no-helpers");
  });

  byId("end-helpers").addEventListener("click", function () {
    act("/desk/people/end-helpers", { personId: person.personId }, function (told) {
      showPerson(told.person);
      show("GREEN", "已结束", "不再有人替" + told.person.name + "办理", "", "");
    });
  });

  /* ---- A booking that is given up ---- */

  let givenUp = null; // which, and what was read out

  if (byId("to-ahead")) byId("to-ahead").addEventListener("click", function () {
    hideHint();
    if (!person) return;
    if (!person.ahead.length) return showHint("顾客在本馆以后没有预订。");
    const list = empty("ahead");
    person.ahead.forEach(function (each) {
      line(list, each.title, each.time, "取消", function () { startGiveUp(each); });
    });
    go("ahead");
  });

  function startGiveUp(booking) {
    act("/desk/people/quote", { personId: person.personId, orderNo: booking.orderNo }, function (told) {
      givenUp = { orderNo: booking.orderNo, back: told.quote.back };
      byId("give-up-says").textContent = booking.title + "　" + booking.time;
      byId("give-up-back").textContent = "¥" + (told.quote.back / 100).toFixed(2);
      byId("give-up-way").textContent = told.quote.says;
      go("give-up");
    });
  }

  if (byId("give-up-now")) byId("give-up-now").addEventListener("click", function () {
    const said = { personId: person.personId, orderNo: givenUp.orderNo, back: givenUp.back };
    act("/desk/people/cancel", said, function (told) {
      showPerson(told.person);
      show("GREEN", "已取消", "场地已让出", "", "现金和刷卡付的，请在“收款”里退还。");
    });
  });

  /* ---- A phone of their own ---- */

  byId("on-phone").addEventListener("click", function () {
    hideHint();
    if (!person) return;
    byId("merge-code").value = "";
    go("join");
  });

  onSubmit("join", function () {
    if (isCard(byId("merge-code"))) return;
    const code = plain(byId("merge-code").value);
    if (!/^[2-9A-HJ-NP-Z]{8}$/.test(code)) return showHint("合并码是 8 位字母和数字，没有 0、1、I、O。请再核对一次。");
    hideHint();
    act("/desk/people/join", { personId: person.personId, code: code }, function (told) {
      byId("merge-code").value = "";
      showPerson(told.person);
      show("GREEN", "已合并", "前台办的都在手机上了", "", "请顾客重新打开手机页面查看。");
    });
  });

  /* ---- An account that is not theirs ---- */

  byId("contested").addEventListener("click", function () {
    hideHint();
    if (person) go("contested");
  });

  byId("free-number").addEventListener("click", function () {
    act("/desk/people/free-number", { personId: person.personId }, function () {
      forget();
      show("GREEN", "已解除", "证件号已从原来的账号解除", "", "请再刷一次身份证，为顾客登记。");
    }, function (refused) {
      if (refused.code !== "MEMBER_UNKNOWN") return false; // whose answer was lost, and is done: nobody stands here
      forget();
      showHint("请再刷一次身份证：如果已经解除，就可以登记。");
      return true;
    });
  });

  /* ---- A concession ---- */

  function startConcession() {
    document.querySelectorAll("[name=kind]").forEach(function (each) { each.checked = false; });
    byId("last-day").value = "";
    go("concession");
  }

  onSubmit("concession", function () {
    const kind = document.querySelector("[name=kind]:checked");
    if (!kind) return showHint("请选择优惠的种类。");
    if (!byId("last-day").value) return showHint("请填写证件的有效期。");
    hideHint();
    const said = { personId: person.personId, kind: kind.value, lastDay: byId("last-day").value };
    act("/desk/people/grant", said, function (told) {
      const word = kind.nextElementSibling.textContent;
      showPerson(told.person);
      show("GREEN", "已认定", word, "", "");
    });
  });

  /* ---- Vouchers: what can be used and printed, and what can be claimed ---- */

  function startVouchers() {
    act("/desk/people/vouchers", { personId: person.personId }, function (told) {
      const held = empty("vouchers");
      told.vouchers.forEach(function (voucher) {
        line(held, voucher.title, "有效至 " + voucher.until, "打印", function () { showVoucher(voucher); });
      });
      byId("vouchers-says").textContent = told.vouchers.length ? "可以使用的消费券" : "还没有可以使用的消费券";
      const kinds = empty("open-kinds");
      told.kinds.forEach(function (kind) {
        line(kinds, kind.title, "", "代领", function () {
          const said = { personId: person.personId, campaignId: kind.campaignId, kindId: kind.kindId, key: key };
          act("/desk/people/hand-out", said, function (given) {
            key = newKey();
            showVoucher(given.voucher);
          });
        });
      });
      byId("kinds-says").textContent = told.kinds.length ? "现在可以领取的" : "现在没有可以领取的消费券";
      go("vouchers");
    });
  }

  function line(list, title, small, word, clicked) {
    const item = add(list, "li");
    add(item, "b", title);
    add(item, "span", small);
    const button = add(item, "button", word);
    button.type = "button";
    button.addEventListener("click", clicked);
  }

  function showVoucher(voucher) {
    byId("voucher-title").textContent = voucher.title;
    byId("voucher-spend").textContent = yuan(voucher.spend);
    byId("voucher-off").textContent = yuan(voucher.off);
    byId("voucher-until").textContent = voucher.until;
    byId("voucher-code").textContent = voucher.code.replace(/(.{4})/g, "$1 ").trim();
    const picture = new DOMParser().parseFromString(voucher.svg, "image/svg+xml").documentElement;
    empty("voucher-picture").appendChild(document.importNode(picture, true));
    go("voucher");
  }

  if (byId("voucher-print")) {
    byId("voucher-print").addEventListener("click", function () { window.print(); });
    byId("voucher-done").addEventListener("click", function () {
      empty("voucher-picture");
      empty("voucher-code");
      showPerson(person);
    });
  }

  /* ---- A booking ---- */

  function startBook() {
    go("book");
    showDay(0);
  }

  if (byId("days")) byId("days").addEventListener("click", function (event) {
    const button = event.target.closest("button");
    if (button) showDay(Number(button.getAttribute("data-days")));
  });

  function showDay(inDays) {
    choose(null);
    empty("grid");
    Array.from(byId("days").children).forEach(function (button) {
      button.setAttribute("aria-pressed", String(button.getAttribute("data-days") === String(inDays)));
    });
    act("/desk/people/slots", { inDays: inDays }, function (told) {
      byId("grid-says").textContent = told.courts.length ? "请选一个时段" : "这一天没有空闲的时段。";
      const grid = empty("grid");
      told.courts.forEach(function (court) {
        const row = add(grid, "li");
        add(row, "b", court.name);
        const slots = add(row, "div");
        court.slots.forEach(function (slot) {
          const button = add(slots, "button", slot.time.split(" ")[1]);
          add(button, "small", priceOf(slot) + (slot.sessionId ? "　余" + slot.free : ""));
          button.type = "button";
          button.addEventListener("click", function () {
            choose({ court: court, slot: slot });
            grid.querySelectorAll("button").forEach(function (each) {
              each.setAttribute("aria-pressed", String(each === button));
            });
          });
        });
      });
    });
  }

  function priceOf(slot) { return yuan(slot.price) + (slot.sessionId ? "/人" : ""); }

  function choose(wanted) {
    chosen = wanted;
    byId("chosen").hidden = !wanted;
    if (!wanted) return;
    key = newKey();
    byId("grid-says").textContent = "可以改选，或填写人数后预订";
    byId("chosen-says").textContent = wanted.court.name + "　" + wanted.slot.time + "　" + priceOf(wanted.slot);
    byId("people-most").textContent = "几位？最多 " + wanted.court.mostPeople + " 位";
    byId("people").value = "1";
    byId("people").focus();
    byId("people").select();
  }

  if (byId("people")) byId("people").addEventListener("input", function () { key = newKey(); }); // another wish

  onSubmit("book", function () {
    if (isCard(byId("people"))) return;
    const people = plain(byId("people").value);
    if (!chosen || !/^[1-9][0-9]{0,2}$/.test(people)) return showHint("请选择时段，填写人数。");
    hideHint();
    const slot = chosen.slot;
    const said = { personId: person.personId, people: Number(people), price: slot.price, key: key };
    if (slot.sessionId) { // so many tickets of a session; else a court, whoever comes along
      Object.assign(said, { sessionId: slot.sessionId, ticket: slot.ticket, price: slot.price * Number(people) });
    } else {
      Object.assign(said, { courtId: chosen.court.courtId, startsAt: slot.startsAt });
    }
    act("/desk/people/book", said, function (told) {
      person = told.person;
      showBooked(told.order);
    });
  });

  function showBooked(order) {
    const isFree = order.isPaid && !order.total;
    byId("booked-says").textContent = isFree ? "已预订，免费" : order.isPaid ? "已付款" : "应收";
    byId("booked-total").textContent = yuan(order.total);
    byId("booked-line").textContent = order.title + "　" + order.time + "　" + order.people + " 人";
    byId("booked-no").textContent = order.orderNo;
    byId("booked-held").textContent = order.isPaid ? "入场时带身份证到前台" : "场地保留到 " + order.heldUntil + "，请在此前收款";
    byId("to-money").hidden = order.isPaid;
    byId("to-money").href = "/desk/money#" + order.orderNo;
    go("booked");
  }

  if (byId("booked-done")) byId("booked-done").addEventListener("click", done);

  /* ---- Small things ---- */

  function onSubmit(name, handler) {
    const form = document.querySelector("form[data-step=" + name + "]");
    if (form) form.addEventListener("submit", function (event) { // not everybody may do everything
      event.preventDefault();
      handler();
    });
  }

  function version(id) { return byId(id).getAttribute("data-version"); }

  function untick(id) { byId(id).querySelector("input").checked = false; }

  function isRead(id) {
    const yes = byId(id).querySelector("input").checked;
    if (!yes) showHint("请先向本人宣读同意书，本人同意后再勾选。");
    return yes;
  }

  function yuan(amount) {
    return amount ? "¥" + Math.floor(amount / 100) + "." + ("0" + amount % 100).slice(-2) : "免费";
  }

  function empty(id) {
    const place = byId(id);
    if (place) place.textContent = "";
    return place;
  }

  function add(parent, tag, text) {
    const child = parent.appendChild(document.createElement(tag));
    if (text !== undefined) child.textContent = text;
    return child;
  }

  function show(colour, word, headline, detail, nextStep, way, then) {
    verdict.setAttribute("data-colour", colour);
    [["word", word], ["headline", headline], ["detail", detail], ["next-step", nextStep]].forEach(function (pair) {
      byId(pair[0]).textContent = pair[1] || "";
      byId(pair[0]).hidden = !pair[1];
    });
    byId("retry").hidden = way !== "retry";
    byId("again").hidden = way !== "again";
    verdict.classList.toggle("is-long", (detail || "").length > 16);
    verdict.hidden = false;
    setBehind(true);
    afterVerdict = then || null;
    byId(way === "retry" ? "retry" : way === "again" ? "again" : "close").focus();
    window.clearTimeout(closing);
    if (colour === "GREEN") closing = window.setTimeout(closeVerdict, GREEN_SHOWN_MS);
  }

  function closeVerdict(silently) {
    window.clearTimeout(closing);
    if (verdict.hidden) return;
    verdict.hidden = true;
    setBehind(false);
    const then = afterVerdict;
    afterVerdict = unanswered = null;
    ["word", "headline", "detail", "next-step"].forEach(empty);
    if (silently === true) return;
    if (then) then(); else focusFirst();
  }

  function setBehind(now) { // what lies under it takes no focus; browsers before 102 let it
    document.querySelectorAll(".bar, main").forEach(function (each) { each.inert = now; });
  }

  byId("close").addEventListener("click", closeVerdict);

  go("idle");
}());
