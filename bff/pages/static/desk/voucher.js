/* A voucher on the scan page: its code leads to a bill, and the bill waits for the citizen's yes on their phone. Plain
 * ES2017 without a build step: venues have old PCs.
 *
 * One bill is one act with one nonce: if its answer is lost, the same nonce goes out again. The code is never stored. While
 * a bill is open, `is-billing` on the body tells desk.js to leave keys and focus alone.
 */
(function () {
  "use strict";

  const ANSWER_WITHIN_MS = 8000;
  const LOOK_EVERY_MS = 1000;
  const OTHER_AMOUNT = ["VOUCHER_SPEND_TOO_LOW", "SPORT_NEEDED", "ID_CHECK_NEEDED", "RECEIPT_NEEDED", "BAD_INPUT", "VOUCHER_WRONG_SPORT"];
  const PAPER = "4"; // the first digit of a code for paper

  const byId = function (id) { return document.getElementById(id); };
  const panel = byId("bill");
  const cards = Array.from(panel.querySelectorAll("[data-bill]"));

  let step = "";
  let code = "";
  let useNo = "";
  let asking = false;
  let unanswered = null; // the act whose answer was lost
  let looking = 0;
  let waitsUntil = 0;    // by this PC's own clock, counted from what the server says is left

  /* ---- Asking the house: one act at a time ---- */

  function act(name, said, answered) {
    if (asking) return;
    setAsking(true);
    send(name, said, function (told, status) {
      setAsking(false);
      if (status === 401) return outcome("RED", "请登录", "登录已过期。", "请重新登录后再核销。", "sign-in");
      if (!told) {
        unanswered = function () { act(name, said, answered); };
        return outcome("YELLOW", "请重试", "网络没有回应。", "请按重试；不会重复核销。", "retry");
      }
      if (told.refused) return refuse(told.refused);
      answered(told);
    });
  }

  function setAsking(now) {
    asking = now;
    byId("busy").textContent = now ? "正在处理，请稍候……" : "";
  }

  function send(name, said, heard) {
    const request = new XMLHttpRequest();
    request.open("POST", "/desk/voucher/" + name);
    request.setRequestHeader("Content-Type", "application/json");
    request.timeout = ANSWER_WITHIN_MS;
    request.onload = function () { heard(request.status >= 500 ? null : parse(request.responseText), request.status); };
    request.onerror = request.ontimeout = request.onabort = function () { heard(null, 0); };
    request.send(JSON.stringify(said));
  }

  function refuse(refused) {
    const passing = refused.code === "TOO_MANY_ATTEMPTS" || refused.code === "BUSY";
    const again = step === "amount" && refused.code === "BAD_INPUT" ? "again" : null;
    outcome(passing ? "YELLOW" : "RED", passing ? "请稍候" : "未完成", refused.message, refused.nextStep, again);
  }

  function parse(text) {
    try { return JSON.parse(text); } catch (malformed) { return null; }
  }

  function newNonce() {
    const bytes = window.crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, function (byte) { return ("0" + byte.toString(16)).slice(-2); }).join("");
  }

  /* ---- From a code to a bill ---- */

  document.addEventListener("voucher", function (event) {
    code = event.detail;
    byId("bill-amount").value = "";
    byId("bill-receipt").value = "";
    byId("bill-id-checked").checked = false;
    document.querySelector("input[name=rest][value=CASH]").checked = true;
    byId("bill-paper").hidden = code.charAt(0) !== PAPER;
    askForAmount();
  });

  function askForAmount() {
    hint("bill-hint", "");
    show("amount");
    byId("bill-amount").focus();
    byId("bill-amount").select();
    listSports();
  }

  function listSports() {
    if (byId("bill-sport-choices").children.length) return;
    send("sports", {}, function (told) {
      if (!told || !told.sports || told.sports.length < 2 || byId("bill-sport-choices").children.length) return;
      told.sports.forEach(function (sport) {
        const label = byId("bill-sport-choices").appendChild(document.createElement("label"));
        const input = label.appendChild(document.createElement("input"));
        input.type = "radio";
        input.name = "sport";
        input.value = sport.code;
        label.appendChild(document.createElement("span")).textContent = sport.name;
      });
      byId("bill-sports").hidden = false;
    });
  }

  card("amount").addEventListener("submit", function (event) {
    event.preventDefault();
    const bill = fenOf(byId("bill-amount").value);
    if (bill === null) {
      byId("bill-amount").value = "";
      byId("bill-amount").focus();
      return hint("bill-hint", "请填写账单金额，例如 50 或 49.90。");
    }
    const sport = document.querySelector("input[name=sport]:checked");
    if (!byId("bill-sports").hidden && !sport) return hint("bill-hint", "请选择顾客消费的项目。");
    if (!byId("bill-paper").hidden && !byId("bill-id-checked").checked) {
      return hint("bill-hint", "请核对本人身份证件，并勾选“已核对本人身份证件”。");
    }
    if (!byId("bill-paper").hidden && !byId("bill-receipt").value.trim()) {
      byId("bill-receipt").focus();
      return hint("bill-hint", "请填写收银小票号。");
    }
    act("redeem", {
      code: code,
      nonce: newNonce(),
      bill: bill,
      sport: sport ? sport.value : "",
      restWay: document.querySelector("input[name=rest]:checked").value,
      idChecked: byId("bill-id-checked").checked && !byId("bill-paper").hidden,
      receiptNo: byId("bill-paper").hidden ? "" : byId("bill-receipt").value.trim(),
    }, judged);
  });

  card("amount").addEventListener("input", function () { hint("bill-hint", ""); });

  function fenOf(text) { // 49.9 is 4990; a code that was scanned into the field is no amount
    const plain = text
      .replace(/[０-９．]/g, function (wide) { return String.fromCharCode(wide.charCodeAt(0) - 0xfee0); })
      .replace(/。/g, ".").replace(/[\s,，￥¥元]/g, "");
    const parts = /^([0-9]{1,6})(?:\.([0-9]{1,2}))?$/.exec(plain);
    if (!parts) return null;
    const fen = Number(parts[1]) * 100 + Number(((parts[2] || "") + "00").slice(0, 2));
    return fen > 0 ? fen : null;
  }

  function judged(told) {
    useNo = told.useNo;
    if (told.outcome === "WAITING") return wait(told);
    const waits = told.outcome === "VOUCHER_RESERVED" && told.useNo ? "call-off" : null;
    const again = step === "amount" && OTHER_AMOUNT.indexOf(told.outcome) >= 0 ? "again" : waits;
    outcome(told.colour, told.headline, told.detail, told.nextStep, again);
  }

  /* ---- Waiting for the citizen ---- */

  function wait(told) {
    ["bill", "off", "rest"].forEach(function (name) {
      card("waiting").querySelector("[data-sum=" + name + "]").textContent = yuan(told[name]);
    });
    waitsUntil = Date.now() + told.secondsLeft * 1000;
    show("waiting");
    tick();
    window.clearInterval(looking);
    looking = window.setInterval(look, LOOK_EVERY_MS);
  }

  function tick() {
    const left = Math.max(0, Math.ceil((waitsUntil - Date.now()) / 1000));
    byId("bill-left").textContent = Math.floor(left / 60) + " 分 " + ("0" + (left % 60)).slice(-2) + " 秒";
    return left;
  }

  function look() {
    if (step !== "waiting" && step !== "late") return window.clearInterval(looking);
    const left = tick();
    const about = useNo;
    if (!asking) {
      send("bill", { useNo: about }, function (told, status) {
        if (about !== useNo || asking || (step !== "waiting" && step !== "late")) return;
        byId("busy").textContent = told ? "" : "网络没有回应，正在重试……";
        if (status === 401) return outcome("RED", "请登录", "登录已过期。", "重新登录后，请让顾客在手机上查看这笔账单。", "sign-in");
        if (told && told.outcome && told.outcome !== "WAITING") judged(told);
        else if (told && told.secondsLeft === 0 && step === "waiting") late();
      });
    }
    if (left === 0 && step === "waiting") byId("bill-left").textContent = "0 分 00 秒";
  }

  function late() {
    byId("late-receipt").value = "";
    hint("late-hint", "");
    show("late");
    byId("late-receipt").focus();
  }

  card("late").addEventListener("submit", function (event) {
    event.preventDefault();
    const receiptNo = byId("late-receipt").value.trim();
    if (!/^[0-9A-Za-z-]{4,40}$/.test(receiptNo)) return hint("late-hint", "请照收银小票填写小票号，4 到 40 位字母、数字或横线。");
    act("hold", { useNo: useNo, receiptNo: receiptNo }, judged);
  });

  panel.querySelectorAll("[data-call-off]").forEach(function (button) {
    button.addEventListener("click", callOff);
  });

  function callOff() { act("call-off", { useNo: useNo }, judged); }

  /* ---- A supervisor takes back ---- */

  if (byId("undo-open")) {
    byId("undo-open").addEventListener("click", function () {
      act("undoable", {}, function (told) {
        const list = byId("undoable");
        list.textContent = "";
        told.uses.forEach(function (use) {
          const label = list.appendChild(document.createElement("li")).appendChild(document.createElement("label"));
          const input = label.appendChild(document.createElement("input"));
          input.type = "radio";
          input.name = "undo";
          input.value = use.useNo;
          const says = label.appendChild(document.createElement("span"));
          says.textContent = use.time + " " + use.by + " 核销，账单 " + yuan(use.bill) + "，抵扣 " + yuan(use.off);
          says.appendChild(document.createElement("small")).textContent = use.useNo;
        });
        if (!told.uses.length) list.appendChild(document.createElement("li")).textContent = "现在没有可以撤销的核销。";
        byId("undo-reason").value = "";
        hint("undo-hint", "");
        show("undo");
      });
    });
    card("undo").addEventListener("submit", function (event) {
      event.preventDefault();
      const use = document.querySelector("input[name=undo]:checked");
      if (!use) return hint("undo-hint", "请选择要撤销的一笔。");
      if (byId("undo-reason").value.trim().length < 2) {
        byId("undo-reason").focus();
        return hint("undo-hint", "请写明原因。");
      }
      act("undo", { useNo: use.value, reason: byId("undo-reason").value }, function (told) {
        useNo = told.useNo;
        outcome("GREEN", "已撤销", "消费券已退还给顾客。", "请按原价收款 " + yuan(told.bill) + "，或重新扫码。", null);
      });
    });
  }

  /* ---- What the clerk sees ---- */

  function card(name) { return panel.querySelector("[data-bill=" + name + "]"); }

  function show(name) {
    step = name;
    cards.forEach(function (each) { each.hidden = each.getAttribute("data-bill") !== name; });
    panel.hidden = false;
    setBehind(true);
    document.body.classList.add("is-billing");
  }

  function outcome(colour, word, detail, nextStep, way) {
    card("outcome").setAttribute("data-colour", colour);
    byId("bill-word").textContent = word;
    byId("bill-detail").textContent = detail || "";
    byId("bill-next").textContent = nextStep || "";
    byId("bill-next").hidden = !nextStep;
    byId("bill-no").textContent = useNo ? "核销单号 " + useNo : "";
    byId("bill-retry").hidden = way !== "retry";
    byId("bill-again").hidden = way !== "again";
    byId("bill-call-off").hidden = way !== "call-off";
    byId("bill-sign-in").hidden = way !== "sign-in";
    window.clearInterval(looking);
    byId("busy").textContent = "";
    show("outcome");
    byId({ retry: "bill-retry", again: "bill-again", "sign-in": "bill-sign-in" }[way] || "bill-close").focus();
  }

  byId("bill-retry").addEventListener("click", function () {
    const again = unanswered;
    unanswered = null;
    if (again) again();
  });
  byId("bill-again").addEventListener("click", askForAmount);
  byId("bill-close").addEventListener("click", leave);
  panel.querySelectorAll("[data-leave]").forEach(function (button) { button.addEventListener("click", leave); });

  function leave() {
    window.clearInterval(looking);
    byId("busy").textContent = "";
    step = code = useNo = "";
    unanswered = null;
    panel.hidden = true;
    setBehind(false);
    document.body.classList.remove("is-billing");
    document.dispatchEvent(new CustomEvent("billed"));
  }

  function setBehind(now) { // what lies under it takes no focus; browsers before 102 let it
    document.querySelectorAll(".bar, main").forEach(function (each) { each.inert = now; });
  }

  document.addEventListener("keydown", function (event) {
    if (panel.hidden || event.key !== "Escape" || asking) return;
    event.preventDefault();
    if (step === "waiting" || step === "late") callOff();
    else leave();
  });

  function hint(id, text) {
    byId(id).textContent = text;
    byId(id).hidden = !text;
  }

  function yuan(fen) { return "¥" + Math.floor(fen / 100) + "." + ("0" + (fen % 100)).slice(-2); }
}());
