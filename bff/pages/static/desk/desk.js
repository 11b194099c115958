/* The scan page. Plain ES2017 without a build step: venues have old PCs.
 *
 * One scan is one act with one nonce. If its answer is lost, the same nonce goes out again, so that the server gives
 * the first answer once more instead of "already inside". Codes are never stored and never shown again in full.
 */
(function () {
  "use strict";

  const CODE_DIGITS = 24;
  const OF_A_VOUCHER = /^[34]/; // its bill is voucher.js's, which says `billed` when it is done
  const WEDGE_GAP_MS = 30;      // scanners type faster than 10 ms a key, people need more than 30
  const ANSWER_WITHIN_MS = 8000;
  const GREEN_SHOWN_MS = 2500;
  const OTHERS_SHOWN_MS = 6000; // there is something to read and to do
  const RECENT_KEPT = 20;
  const RECENT_KEY = "desk.recent";

  const WORDS = { GREEN: "通过", YELLOW: "注意", RED: "未通过" }; // colour is never the only cue
  const DIRECTIONS = { ENTRY: "入场", EXIT: "离场" };

  const byId = function (id) { return document.getElementById(id); };
  const field = byId("code");
  const idChecked = byId("id-checked");
  const hint = byId("hint");
  const verdict = byId("verdict");
  const touch = window.matchMedia("(pointer: coarse)").matches;

  let checking = false;
  let unanswered = null; // the scan whose answer was lost, with its nonce
  let closing = 0;

  /* ---- A scan, from keys to verdict ---- */

  byId("scan").addEventListener("submit", function (event) {
    event.preventDefault();
    take(field.value);
  });

  function take(text) {
    const code = plainDigits(text);
    field.value = "";
    closeVerdict();
    if (!code) return;
    if (/[^0-9]/.test(code)) return showInputMethodHint();
    if (code.length !== CODE_DIGITS) return showHint("只读到 " + code.length + " 位数字，入场码有 24 位，请再扫一次。");
    if (checking) return showHint("上一个码还在核对，请等结果出来再扫。");
    hideHint();
    if (OF_A_VOUCHER.test(code)) return document.dispatchEvent(new CustomEvent("voucher", { detail: code }));
    check(scanOf(code));
  }

  function scanOf(code) {
    const direction = document.querySelector("input[name=direction]:checked").value;
    const attested = idChecked.checked;
    idChecked.checked = false;
    const lost = unanswered;
    const sameAct = lost && lost.code === code && lost.direction === direction && (lost.idChecked || !attested);
    return sameAct ? lost : { code: code, nonce: newNonce(), direction: direction, idChecked: attested };
  }

  function check(scan) {
    unanswered = null;
    setChecking(true);
    const request = new XMLHttpRequest();
    request.open("POST", "/desk/redeem");
    request.setRequestHeader("Content-Type", "application/json");
    request.timeout = ANSWER_WITHIN_MS;
    request.onload = function () { answered(scan, request); };
    request.onerror = request.ontimeout = request.onabort = function () { notAnswered(scan); };
    request.send(JSON.stringify(scan));
  }

  function answered(scan, request) {
    const said = parse(request.responseText);
    if (request.status >= 500 || !said || !said.colour) return notAnswered(scan);
    setChecking(false);
    if (request.status === 401) return signedOut(scan);
    show(scan, said, null);
  }

  function signedOut(scan) { // nothing was checked, so nobody is turned away
    show(scan, { colour: "YELLOW", headline: "登录已过期", nextStep: "请重新登录后再扫一次。" }, "again");
  }

  function notAnswered(scan) {
    unanswered = scan;
    setChecking(false);
    show(scan, { colour: "YELLOW", headline: "网络没有回应", nextStep: "请重试；不会重复核销。" }, "retry");
  }

  byId("retry").addEventListener("click", function () {
    const scan = unanswered;
    closeVerdict();
    if (scan && !checking) check(scan);
  });

  function plainDigits(text) {
    return text
      .replace(/[０-９]/g, function (wide) { return String.fromCharCode(wide.charCodeAt(0) - 0xfee0); })
      .replace(/[\s-]/g, "");
  }

  function newNonce() {
    const bytes = window.crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, function (byte) { return ("0" + byte.toString(16)).slice(-2); }).join("");
  }

  function parse(text) {
    try { return JSON.parse(text); } catch (malformed) { return null; }
  }

  /* ---- The scanner is a keyboard: its keys must reach the field wherever the focus is ---- */

  let burst = "";
  let lastKeyAt = 0;

  document.addEventListener("keydown", function (event) {
    unlockSound();
    if (isBilling() || event.ctrlKey || event.altKey || event.metaKey) return;
    const gap = event.timeStamp - lastKeyAt;
    lastKeyAt = event.timeStamp;
    if (/^[0-9]$/.test(event.key)) {
      burst = gap < WEDGE_GAP_MS ? burst + event.key : event.key;
      if (document.activeElement !== field) field.focus();
    } else if (event.key === "Enter" && burst.length === CODE_DIGITS && gap < 4 * WEDGE_GAP_MS) {
      event.preventDefault(); // a whole code in one burst: digits left in the field before it don't belong to it
      take(burst);
      burst = "";
    } else if (event.key === "Escape") {
      closeVerdict();
    } else if (event.key !== "Shift") {
      burst = "";
    }
  }, true);

  field.addEventListener("compositionstart", showInputMethodHint);
  field.addEventListener("compositionend", refuseLetters);
  field.addEventListener("input", function (event) {
    closeVerdict();
    if (!event.isComposing) refuseLetters();
  });

  function refuseLetters() {
    if (!/[^0-9]/.test(plainDigits(field.value))) return;
    showInputMethodHint();
    field.select(); // the next scan replaces them
  }

  function showInputMethodHint() {
    showHint("这里只能输入数字。请切换到英文输入法（通常按 Shift 键），再扫一次。");
  }

  function showHint(text) {
    hint.textContent = text;
    hint.hidden = false;
  }

  function hideHint() { hint.hidden = true; }

  function isBilling() { return document.body.classList.contains("is-billing"); }

  document.addEventListener("billed", refocus);

  function refocus() {
    if (isBilling()) return;
    if (!touch) field.focus(); // on a phone this would pull up the keyboard
    showAttention();
  }

  document.addEventListener("click", function (event) {
    unlockSound();
    if (!event.target.closest("a, .bar button")) refocus();
  });
  document.addEventListener("change", function (event) {
    if (event.target.name === "direction") showAttention();
    if (event.target !== field) refocus();
  });
  field.addEventListener("blur", function () {
    window.setTimeout(function () {
      const to = document.activeElement;
      if (!to || to === document.body) refocus();
    }, 0);
  });
  window.addEventListener("focus", refocus);
  window.addEventListener("blur", showAttention);

  /* ---- What the person at the desk sees ---- */

  function setChecking(now) {
    checking = now;
    document.body.classList.toggle("is-checking", now);
    showAttention();
  }

  function showAttention() {
    const direction = document.querySelector("input[name=direction]:checked").value;
    const away = !document.hasFocus();
    document.body.classList.toggle("is-away", away);
    document.body.classList.toggle("is-exit", direction === "EXIT");
    byId("status").textContent = checking ? "核对中…" : away ? "请点一下这里" : "请扫" + DIRECTIONS[direction] + "码";
    byId("substatus").textContent = checking ? "请稍候，结果马上出来"
      : away ? "页面不在最前面，扫码枪的数字会丢失"
        : "把二维码对准扫码枪，或输入 24 位数字后按回车";
  }

  function show(scan, said, way) {
    verdict.setAttribute("data-colour", said.colour);
    put("word", largeWord(said.colour, scan.direction, way));
    put("headline", said.headline);
    put("detail", said.detail);
    put("next-step", said.nextStep);
    ["court", "time"].forEach(function (name) {
      byId(name).parentNode.hidden = !put(name, said[name]);
    });
    byId("retry").hidden = way !== "retry";
    byId("again").hidden = way !== "again";
    verdict.classList.remove("is-closing");
    verdict.hidden = false;
    play(said.colour);
    if (way !== "again") remember(scan, said);
    window.clearTimeout(closing);
    if (way) return byId(way).focus();
    refocus();
    const shown = said.colour === "GREEN" ? GREEN_SHOWN_MS : OTHERS_SHOWN_MS;
    byId("countdown").style.animationDuration = shown + "ms";
    void verdict.offsetWidth; // lets the countdown start anew
    verdict.classList.add("is-closing");
    closing = window.setTimeout(closeVerdict, shown);
  }

  function largeWord(colour, direction, way) {
    if (colour === "GREEN") return direction === "ENTRY" ? "请进" : "请慢走";
    if (colour === "YELLOW") return way === "retry" ? "请重试" : way === "again" ? "请登录" : "请稍等";
    return WORDS.RED;
  }

  function put(id, text) {
    byId(id).textContent = text || "";
    byId(id).hidden = !text;
    return Boolean(text);
  }

  function closeVerdict() {
    window.clearTimeout(closing);
    if (verdict.hidden) return;
    verdict.hidden = true;
    refocus();
  }

  byId("close").addEventListener("click", closeVerdict);

  /* ---- The last scans: kept for this tab only, and no code in full ---- */

  function remember(scan, said) {
    const entry = {
      at: said.scannedAt || localTime(),
      colour: said.colour,
      headline: said.headline,
      direction: scan.direction,
      tail: scan.code.slice(-4),
    };
    const scans = [entry].concat(remembered()).slice(0, RECENT_KEPT);
    sessionStorage.setItem(RECENT_KEY, JSON.stringify(scans));
    list(scans);
  }

  function localTime() { // of Chengdu and Chongqing, whatever this PC's time zone says
    return new Date(Date.now() + 8 * 3600 * 1000).toISOString().slice(11, 19);
  }

  function remembered() { return parse(sessionStorage.getItem(RECENT_KEY) || "[]") || []; }

  function list(scans) {
    const target = byId("recent");
    target.textContent = "";
    byId("recent-empty").hidden = scans.length > 0;
    scans.forEach(function (scan) {
      const item = target.appendChild(document.createElement("li"));
      item.setAttribute("data-colour", scan.colour);
      add(item, "b", WORDS[scan.colour]);
      add(item, "span", scan.headline);
      add(item, "small", scan.at + "　" + DIRECTIONS[scan.direction] + "　尾号 " + scan.tail);
    });
  }

  function add(parent, tag, text) {
    parent.appendChild(document.createElement(tag)).textContent = text;
  }

  byId("sign-out").addEventListener("submit", function () { sessionStorage.removeItem(RECENT_KEY); });

  /* ---- A sound of its own for each colour; browsers allow it after the first key or click ---- */

  const TUNES = { // [hertz, from second, for seconds]
    GREEN: [[784, 0, 0.12], [1175, 0.13, 0.22]],
    YELLOW: [[587, 0, 0.14], [587, 0.22, 0.14]],
    RED: [[196, 0, 0.3], [147, 0.32, 0.5]],
  };
  const Audio = window.AudioContext || window.webkitAudioContext;
  let audio = null;

  function unlockSound() {
    if (!Audio) return;
    audio = audio || new Audio();
    if (audio.state === "suspended") audio.resume();
  }

  function play(colour) {
    if (!audio) return;
    TUNES[colour].forEach(function (note) {
      const start = audio.currentTime + note[1];
      const tone = audio.createOscillator();
      const volume = audio.createGain();
      tone.type = colour === "RED" ? "sawtooth" : "sine";
      tone.frequency.value = note[0];
      volume.gain.setValueAtTime(0.35, start);
      volume.gain.exponentialRampToValueAtTime(0.001, start + note[2]);
      tone.connect(volume);
      volume.connect(audio.destination);
      tone.start(start);
      tone.stop(start + note[2]);
    });
  }

  list(remembered());
  refocus();
}());
