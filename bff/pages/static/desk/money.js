/* Paying at the desk. Plain ES2017 without a build step: venues have old PCs.
 *
 * What a scanner types says itself what it is: an order's number begins with O, a payer's code has 16 to 24 digits. Each
 * act has one key. If its answer is lost, the same key goes out again, so that nothing is taken or given twice.
 * Amounts are whole fen; the server counts, this page only shows.
 */
(function () {
  "use strict";

  const ANSWER_WITHIN_MS = 25000; // a channel that is asked may think
  const LOOK_EVERY_MS = 2000;
  const ASK_EVERY = 5;            // looks, until the channel itself is asked
  const GREEN_SHOWN_MS = 6000;
  const NOTES = [100, 50, 20, 10, 5, 1, 0.5, 0.1]; // what one counts in a drawer, in yuan
  const ORDER_NO = /^O[0-9A-Z]{20}$/;
  const PAYER_CODE = /^(1[0-5][0-9]{16}|(2[5-9]|30)[0-9]{14,22})$/;

  const byId = function (id) { return document.getElementById(id); };
  const number = byId("number");
  const hint = byId("hint");
  const verdict = byId("verdict");
  const FIRST = { idle: "number", order: "number", cash: "given", card: "slip", show: "number", scan: "number",
    "hand-out": "refund-slip", open: "float", count: null };

  let step = "idle";
  let order = null;      // what is on the counter
  let refund = null;     // what is handed out
  let shift = null;
  let watched = null;    // the payment by code that is waited for
  let looks = 0;
  let looking = 0;
  let holding = 0;
  let asking = false;
  let unanswered = null; // the act whose answer was lost
  let closing = 0;
  let afterVerdict = null;

  /* ---- Asking the house ---- */

  function ask(path, said, answered, quietly) {
    if (!quietly) setAsking(true);
    const request = new XMLHttpRequest();
    request.open("POST", "/desk/money/" + path);
    request.setRequestHeader("Content-Type", "application/json");
    request.timeout = ANSWER_WITHIN_MS;
    request.onload = function () {
      const told = parse(request.responseText);
      if (!quietly) setAsking(false);
      else if (told && !asking) byId("busy").textContent = "";
      if (request.status === 401) return show("RED", "请登录", "登录已过期", "", "请重新登录后再收款。", "again");
      if (request.status >= 500 || !told) return lost();
      answered(told);
    };
    request.onerror = request.ontimeout = request.onabort = function () {
      if (!quietly) setAsking(false);
      lost();
    };
    request.send(JSON.stringify(said));

    function lost() {
      if (quietly) {
        if (watched) byId("busy").textContent = "网络没有回应，正在重试。请不要重复收款。";
        return answered({});
      }
      unanswered = { path: path, said: said, answered: answered };
      show("YELLOW", "请重试", "网络没有回应", "", "请按重试；不会重复收款或退款。", "retry");
    }
  }

  function act(path, said, answered) { // one at a time; a refusal is shown large, as money may lie on the counter
    if (asking) return;
    ask(path, said, function (told) {
      if (told.refused) return refuse(told.refused);
      answered(told);
    });
  }

  function refuse(refused) {
    show("RED", "未完成", refused.message, "", refused.nextStep);
  }

  byId("retry").addEventListener("click", function () {
    const again = unanswered;
    unanswered = null;
    closeVerdict();
    if (again) ask(again.path, again.said, function (told) {
      if (told.refused) return refuse(told.refused);
      again.answered(told);
    });
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

  /* ---- What was scanned or typed ---- */

  byId("find").addEventListener("submit", function (event) {
    event.preventDefault();
    const text = plain(number.value);
    number.value = "";
    if (!text) return;
    if (!take(text)) showHint("没有读懂。订单号以 O 开头，共 21 位；请切换到英文输入法再扫一次。");
  });

  function take(text) {
    if (PAYER_CODE.test(text)) {
      if (!order || !order.isPayable) showHint("请先扫订单号，再扫顾客的付款码。");
      else charge(text);
      return true;
    }
    if (!ORDER_NO.test(text)) return false;
    find(text);
    return true;
  }

  function plain(text) {
    return text
      .replace(/[！-～]/g, function (wide) { return String.fromCharCode(wide.charCodeAt(0) - 0xfee0); })
      .replace(/\s/g, "")
      .toUpperCase();
  }

  function find(orderNo) {
    if (asking) return;
    hideHint();
    ask("order", { orderNo: orderNo }, function (told) {
      if (told.refused) {
        order = null;
        go("idle");
        return showHint(told.refused.message + (told.refused.nextStep || ""));
      }
      showOrder(told.order);
      loadDrawer(); // a refund may wait since
    });
  }

  function showHint(text) {
    hint.textContent = text;
    hint.hidden = false;
  }

  function hideHint() { hint.hidden = true; }

  number.addEventListener("compositionstart", function () {
    showHint("请切换到英文输入法（通常按 Shift 键），再扫一次。");
  });

  /* ---- Steps ---- */

  function go(to) {
    step = to;
    stopLooking();
    document.querySelectorAll(".step").forEach(function (each) {
      each.hidden = each.getAttribute("data-step") !== to;
    });
    byId("back").hidden = to === "idle";
    document.querySelector(".till").classList.toggle("is-drawer", to === "count" || to === "open");
    document.querySelectorAll(".of-order").forEach(function (each) {
      each.textContent = order ? yuan(order.total) : "";
    });
    focusFirst();
  }

  function focusFirst() {
    const first = FIRST[step] && byId(FIRST[step]);
    const place = step === "count" ? byId("denominations").querySelector("input")
      : first && first.offsetParent !== null ? first : number; // never a button: a scanner ends with Enter
    place.focus();
  }

  function back() {
    hideHint();
    if (["cash", "card", "show", "scan"].indexOf(step) >= 0) return find(order.orderNo);
    order = refund = null;
    go("idle");
  }

  byId("back").addEventListener("click", back);

  document.addEventListener("keydown", function (event) {
    if (!verdict.hidden) {
      if (event.key === "Escape") closeVerdict();
      else if (event.key.length === 1 && byId("retry").hidden && byId("again").hidden) closeVerdict(); // the next scan
      return;
    }
    if (event.key === "Escape") return back();
    const place = /^F[1-4]$/.test(event.key) ? Number(event.key[1]) - 1 : -1;
    const buttons = step === "order" ? byId("ways").children : step === "show" ? byId("channels").children
      : step === "hand-out" ? [byId("hand-out-do")] : [];
    if (place >= 0) event.preventDefault(); // else a browser's help or search
    if (buttons[place] && !buttons[place].disabled && buttons[place].offsetParent !== null) buttons[place].click();
  });

  /* ---- An order ---- */

  function showOrder(found) {
    order = found;
    refund = null;
    byId("order-says").textContent = found.isPayable ? "应收" : found.says;
    byId("order-no").textContent = "订单 " + found.orderNo;
    byId("total").textContent = yuan(found.total);
    const lines = empty("lines");
    found.lines.forEach(function (line) {
      const item = add(lines, "li");
      add(item, "b", line.title);
      add(item, "span", line.time + "　" + line.people + " 人");
      add(item, "b", line.isCancelled ? "已取消" : yuan(line.price));
    });
    listRefunds(empty("order-refunds"), found.refunds);
    byId("ways").hidden = !found.isPayable;
    showHeld(found.heldFor);
    showWays();
    go("order");
  }

  function showWays() {
    const canTake = Boolean(shift && shift.isHere);
    ["cash", "card"].forEach(function (way) {
      document.querySelector("[data-way=" + way + "]").disabled = !canTake;
    });
    byId("ways-hint").textContent = !order || !order.isPayable ? ""
      : canTake ? "也可以直接扫顾客的付款码" : "开班后才能收现金和刷卡；扫码收款不用开班";
  }

  function showHeld(seconds) {
    window.clearInterval(holding);
    const held = byId("held");
    if (seconds === null) { held.textContent = ""; return; }
    const until = Date.now() + seconds * 1000;
    holding = window.setInterval(tell, 1000);
    tell();

    function tell() {
      const left = Math.max(0, Math.round((until - Date.now()) / 1000));
      held.textContent = left ? "场地还保留 " + Math.floor(left / 60) + " 分 " + ("0" + left % 60).slice(-2) + " 秒" : "保留时间已到";
      held.classList.toggle("is-short", left < 120);
      if (!left) window.clearInterval(holding);
    }
  }

  byId("ways").addEventListener("click", function (event) {
    const button = event.target.closest("button");
    if (!button) return;
    const way = button.getAttribute("data-way");
    if (way === "cash") startCash();
    if (way === "card") startCard();
    if (way === "show") startShow();
    if (way === "scan") startScan();
  });

  /* ---- Cash and card ---- */

  let key = "";

  function startCash() {
    key = newKey();
    byId("given").value = "";
    const notes = empty("notes");
    const yuans = Math.ceil(order.total / 100);
    [order.total / 100].concat([5, 10, 20, 50, 100, 200].map(function (note) { return Math.ceil(yuans / note) * note; }))
      .filter(function (sum, at, all) { return all.indexOf(sum) === at; })
      .slice(0, 5)
      .forEach(function (sum) {
        const button = add(notes, "button", yuan(Math.round(sum * 100)));
        button.type = "button";
        button.addEventListener("click", function () {
          byId("given").value = String(sum);
          showChange();
          byId("given").focus();
        });
      });
    showChange();
    go("cash");
  }

  byId("given").addEventListener("input", showChange);

  function showChange() {
    const given = fen(byId("given").value);
    const change = given === null || !order ? null : given - order.total;
    const line = byId("change");
    line.textContent = change === null ? "—" : change < 0 ? "还差 " + yuan(-change) : yuan(change);
    line.parentNode.classList.toggle("is-short", change !== null && change < 0);
  }

  onSubmit("cash", function () {
    const text = plain(byId("given").value);
    if (text.length > 12 && take(text)) return; // a scanner does not know what is asked for
    const given = fen(text);
    if (given === null) return showHint("请填写收到的金额，最多两位小数，例如 50 或 49.5。");
    hideHint();
    act("take", { orderNo: order.orderNo, channel: "CASH", given: given, slipNo: "", key: key }, taken);
  });

  function startCard() {
    key = newKey();
    byId("slip").value = "";
    go("card");
  }

  onSubmit("card", function () {
    const slip = plain(byId("slip").value);
    if (take(slip)) return;
    if (!/^[0-9A-Z-]{4,32}$/.test(slip)) return showHint("请照签购单上的凭证号填写，4 到 32 位字母或数字。");
    hideHint();
    act("take", { orderNo: order.orderNo, channel: "CARD", given: null, slipNo: slip, key: key }, taken);
  });

  function taken(told) {
    const receipt = told.receipt;
    const change = receipt.change > 0 ? "找零 " + yuan(receipt.change) : receipt.word + "已入账";
    done("已收款", receipt.word + " " + yuan(receipt.amount), change, receipt.caution);
  }

  function done(word, headline, detail, nextStep) {
    loadDrawer();
    order = refund = null;
    show(nextStep ? "YELLOW" : "GREEN", word, headline, detail, nextStep, null, function () { go("idle"); });
  }

  /* ---- A code that the payer scans ---- */

  function startShow() {
    byId("shown").hidden = true;
    pressed(null);
    go("show");
  }

  byId("channels").addEventListener("click", function (event) {
    const button = event.target.closest("button");
    if (!button) return;
    const channel = button.getAttribute("data-channel");
    act("show-code", { orderNo: order.orderNo, channel: channel }, function (told) {
      pressed(channel);
      const drawn = new DOMParser().parseFromString(told.shown.svg, "image/svg+xml").documentElement;
      empty("picture").appendChild(document.importNode(drawn, true));
      byId("shown-says").textContent = "请顾客用" + told.shown.word + "扫码付 " + yuan(told.shown.amount);
      byId("shown").hidden = false;
      number.focus();
      watch(told.shown);
    });
  });

  function pressed(channel) {
    Array.from(byId("channels").children).forEach(function (button) {
      button.setAttribute("aria-pressed", String(button.getAttribute("data-channel") === channel));
    });
  }

  /* ---- A code that the payer shows ---- */

  function startScan() {
    waitForPayer(false);
    go("scan");
  }

  function waitForPayer(now, says) {
    byId("scan-says").textContent = now ? says || "请顾客在手机上确认付款" : "请扫顾客的付款码";
    byId("scan-hint").textContent = now ? "付款成功后这里会自动显示。若顾客放弃，可直接扫新的付款码。"
      : "顾客打开微信或支付宝的“收付款”，对准扫码枪";
    byId("pulse").hidden = !now;
  }

  function charge(payerCode) {
    if (asking) return;
    hideHint();
    go("scan");
    waitForPayer(true, "正在收款…");
    const charged = order;
    ask("charge", { orderNo: charged.orderNo, payerCode: payerCode, key: newKey() }, function (told) {
      if (told.refused) { waitForPayer(false); return refuse(told.refused); }
      judge(told.payment);
    });
  }

  /* ---- Until it is paid ---- */

  function watch(payment) {
    stopLooking();
    watched = payment;
    looks = 0;
    looking = window.setTimeout(look, LOOK_EVERY_MS);
  }

  function stopLooking() {
    window.clearTimeout(looking);
    if (watched) byId("busy").textContent = "";
    watched = null;
  }

  function look() {
    const payment = watched;
    if (!payment || !order) return;
    looks += 1;
    if (step === "show" && looks % ASK_EVERY) {
      ask("order", { orderNo: order.orderNo }, function (told) {
        if (watched !== payment) return;
        if (told.order && told.order.isPaid) return paid(payment);
        if (told.order && !told.order.isPayable) return showOrder(told.order);
        looking = window.setTimeout(look, LOOK_EVERY_MS);
      }, true);
    } else {
      ask("payment", { paymentNo: payment.paymentNo }, function (told) {
        if (watched !== payment) return;
        if (told.payment && told.payment.standing !== "WAITING") return judge(told.payment);
        looking = window.setTimeout(look, LOOK_EVERY_MS);
      }, true);
    }
  }

  function judge(payment) {
    if (payment.standing === "PAID") return paid(payment);
    if (payment.standing === "WAITING") {
      waitForPayer(true, payment.says.replace(/。$/, ""));
      return watch(payment);
    }
    stopLooking();
    show("YELLOW", "请注意", payment.says, "", "", null, function () { if (order) find(order.orderNo); });
  }

  function paid(payment) {
    stopLooking();
    done("已收款", payment.word + " " + yuan(payment.amount), "请顾客出示入场码", "");
  }

  /* ---- Refunds that are handed out ---- */

  function listRefunds(target, refunds) {
    refunds.forEach(function (each) {
      const item = add(target, "li");
      add(item, "b", "退 " + yuan(each.amount) + (each.isCash ? " 现金" : " 刷卡"));
      add(item, "small", "订单尾号 " + each.orderNo.slice(-4) + "　" + each.askedAt);
      const button = add(item, "button", "退款");
      button.type = "button";
      button.addEventListener("click", function () { startHandOut(each); });
    });
  }

  function startHandOut(each) {
    if (!shift || !shift.isHere) return showHint("开班后才能退现金或刷卡。请先在右侧开班。");
    hideHint();
    refund = each;
    key = newKey();
    byId("hand-out-says").textContent = each.isCash ? "请从钱箱里数出" : "请先在刷卡机上退款";
    byId("hand-out-amount").textContent = yuan(each.amount);
    byId("hand-out-why").textContent = each.reason + "　订单 " + each.orderNo;
    byId("hand-out-slip").hidden = each.isCash;
    byId("refund-slip").value = "";
    empty("hand-out-do");
    add(byId("hand-out-do"), "kbd", "F1");
    byId("hand-out-do").appendChild(document.createTextNode(each.isCash ? " 钱已交给顾客" : " 已在刷卡机上退款"));
    go("hand-out");
  }

  onSubmit("hand-out", function () {
    const slip = plain(byId("refund-slip").value);
    if (take(slip)) return;
    if (!refund.isCash && !/^[0-9A-Z-]{4,32}$/.test(slip)) return showHint("请照退款签购单上的凭证号填写。");
    hideHint();
    act("hand-out", { refundNo: refund.refundNo, slipNo: refund.isCash ? "" : slip, key: key }, function (told) {
      done("已退款", (told.refund.isCash ? "现金 " : "刷卡 ") + yuan(told.refund.amount), "订单尾号 " + told.refund.orderNo.slice(-4), "");
    });
  });

  /* ---- The drawer ---- */

  function loadDrawer() {
    ask("drawer", {}, function (told) { if (told.refunds) showDrawer(told); }, true);
  }

  function showDrawer(told) {
    shift = told.shift;
    const box = empty("shift");
    if (!shift) {
      add(box, "p", "还没有开班。").className = "small";
      wide(box, "开班", function () { byId("float").value = ""; hideHint(); go("open"); });
    } else {
      if (!shift.isHere) add(box, "p", "您在" + shift.venueName + "的班还没有交接，请先清点那里的钱箱。").className = "warning";
      facts(box, [["开班", shift.openedAt], ["备用金", yuan(shift.openingFloat)], ["刷卡", yuan(shift.card)],
        ["刷卡退款", yuan(shift.cardOut)], ["扫码", yuan(shift.code)], ["现金", "清点后显示"]]);
      wide(box, "清点并交班", startCount).classList.add("is-plain");
    }
    const refunds = told.refunds;
    byId("refund-count").textContent = refunds.length || "";
    byId("refunds-empty").hidden = refunds.length > 0;
    listRefunds(empty("refunds"), refunds);
    showWays();
  }

  function wide(box, text, onClick) {
    const button = add(box, "button", text);
    button.type = "button";
    button.className = "primary wide";
    button.addEventListener("click", onClick);
    return button;
  }

  function facts(box, pairs) {
    const list = add(box, "dl");
    list.className = "facts-list";
    pairs.forEach(function (pair) {
      add(list, "dt", pair[0]);
      add(list, "dd", pair[1]);
    });
  }

  onSubmit("open", function () {
    const amount = fen(byId("float").value);
    if (amount === null) return showHint("请填写备用金金额，最多两位小数；没有就填 0。");
    hideHint();
    act("open-shift", { openingFloat: amount }, function (told) {
      showDrawer(told);
      if (order) showOrder(order); else go("idle");
    });
  });

  function startCount() {
    const grid = empty("denominations");
    NOTES.forEach(function (note) {
      const label = add(grid, "label", note >= 1 ? note + " 元 ×" : note * 10 + " 角 ×");
      const input = add(label, "input");
      input.inputMode = "numeric";
      input.maxLength = 5;
      input.setAttribute("data-note", String(Math.round(note * 100)));
    });
    byId("counted").value = byId("note").value = "";
    byId("note-box").hidden = true;
    sayOfCount("填写每种的张数。清点之后，才显示账上应有多少。", "label");
    hideHint();
    go("count");
  }

  byId("denominations").addEventListener("input", function () {
    let sum = 0;
    this.querySelectorAll("input").forEach(function (input) {
      sum += (Number(plain(input.value)) || 0) * Number(input.getAttribute("data-note"));
    });
    byId("counted").value = (sum / 100).toFixed(2);
  });

  onSubmit("count", function () {
    const counted = fen(byId("counted").value);
    if (counted === null) return showHint("请填写清点的合计金额。");
    hideHint();
    if (asking) return;
    const said = { shiftId: shift.shiftId, counted: counted, note: byId("note").value.trim() };
    ask("close-shift", said, function (told) {
      if (told.refused && told.refused.code === "DRAWER_DIFFERS") {
        byId("note-box").hidden = false;
        sayOfCount(told.refused.message + told.refused.nextStep, "hint");
        return byId("note").focus();
      }
      if (told.refused) return refuse(told.refused);
      const closed = told.shift;
      const differs = closed.difference !== 0;
      done("已交班", "清点 " + yuan(closed.counted) + "，账上应有 " + yuan(closed.expected),
        (differs ? (closed.difference > 0 ? "多 " : "少 ") + yuan(Math.abs(closed.difference)) + "，已记录原因"
          : "账实相符") + "　现金收 " + yuan(closed.cash) + "、退 " + yuan(closed.cashOut), differs ? "请把钱箱交给接班人。" : "");
    });
  });

  function sayOfCount(text, kind) {
    byId("count-says").textContent = text;
    byId("count-says").className = kind;
  }

  /* ---- Small things ---- */

  function onSubmit(name, handler) {
    document.querySelector("form[data-step=" + name + "]").addEventListener("submit", function (event) {
      event.preventDefault();
      handler();
    });
  }

  function fen(text) { // exactly: a float would make 0.29 yuan 28 fen
    const said = /^([0-9]{1,7})(?:\.([0-9]{1,2}))?$/.exec(plain(text));
    return said ? Number(said[1]) * 100 + Number(((said[2] || "") + "00").slice(0, 2)) : null;
  }

  function yuan(amount) {
    const cents = ("0" + Math.abs(amount) % 100).slice(-2);
    return (amount < 0 ? "−" : "") + "¥" + Math.floor(Math.abs(amount) / 100) + "." + cents;
  }

  function empty(id) {
    byId(id).textContent = "";
    return byId(id);
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

  function closeVerdict() {
    window.clearTimeout(closing);
    if (verdict.hidden) return;
    verdict.hidden = true;
    setBehind(false);
    const then = afterVerdict;
    afterVerdict = null;
    if (then) then(); else focusFirst();
  }

  function setBehind(now) { // what lies under it takes no focus; browsers before 102 let it
    document.querySelectorAll(".bar, main").forEach(function (each) { each.inert = now; });
  }

  byId("close").addEventListener("click", closeVerdict);

  /* ---- An order that another of our pages hands over: behind #, which no server hears ---- */

  function takeOver() {
    const orderNo = window.location.hash.slice(1);
    if (!orderNo) return;
    window.history.replaceState(null, "", window.location.pathname);
    take(orderNo);
  }

  window.addEventListener("hashchange", takeOver);

  go("idle");
  loadDrawer();
  takeOver();
}());
