// What npm `wechatpay-axios-plugin`, which shares no code with us, makes of our wire.
// Reads {"task": …, "merchant": {…}, …} from standard input; prints one JSON line a fact, for the test to judge.
"use strict";
const { randomUUID } = require("node:crypto");
const { readFileSync } = require("node:fs");
const { Wechatpay, Formatter, Rsa, Aes } = require("wechatpay-axios-plugin");

const tell = (fact, told) => console.log(JSON.stringify({ fact, ...told }));
const number = (letter) => letter + randomUUID().replaceAll("-", "").slice(0, 20);

// The peer's client; in public-key mode when the merchant has a public key, else by the certificates it downloads.
async function channel(merchant, baseURL) {
  const { mchid, serial, private_key: privateKey, public_key: publicKey, public_key_id: publicKeyId } = merchant;
  const certs = publicKey ? { [publicKeyId]: publicKey } : await certificates(merchant, baseURL);
  const headers = publicKey ? { "Wechatpay-Serial": publicKeyId } : {};
  return { certs, v3: new Wechatpay({ baseURL, mchid, serial, privateKey, certs, headers }).v3 };
}

// As the peer's own downloader does it: the list is opened first, then its signature is checked with what it held.
async function certificates({ mchid, serial, private_key: privateKey, apiv3_key: secret }, baseURL) {
  const certs = { any: undefined };
  const wxpay = new Wechatpay({ baseURL, mchid, serial, privateKey, certs });
  const opened = (list) => {
    for (const { serial_no: name, encrypt_certificate: box } of JSON.parse(list).data) {
      certs[name] = Aes.AesGcm.decrypt(box.ciphertext, secret, box.nonce, box.associated_data);
    }
    wxpay.client.v3.defaults.transformResponse = [];
    return list;
  };
  const verified = (list, head) => {
    const said = (name) => head.get(`Wechatpay-${name}`);
    const message = Formatter.response(said("Timestamp"), said("Nonce"), list);
    if (!Rsa.verify(message, said("Signature"), certs[said("Serial")])) throw Error("the list is forged");
    return list;
  };
  await wxpay.v3.certificates.get({ transformResponse: [opened, verified] });
  delete certs.any;
  return certs;
}

// Payments in every way through the peer's own client, which checks every signature of an answer that is no refusal.
async function journey({ merchant, base_url: baseURL }) {
  const { v3 } = await channel(merchant, baseURL);
  const { transactions } = v3.pay;
  const { mchid, appid, notify_url } = merchant;

  async function step(name, asking) {
    const { status, data } = await asking.catch((error) => {
      if (error.response?.status >= 400) return error.response;
      throw error; // also where the peer does not believe the answer
    });
    tell(name, { status, answer: data || null });
    return data;
  }
  const payer = (act, asked) =>
    fetch(`${baseURL}/_sandbox/${act}`, { method: "POST", body: JSON.stringify(asked) });
  const order = () => ({
    mchid,
    appid,
    description: "大田湾体育场 足球 1 号场",
    out_trade_no: number("P"),
    amount: { total: 4500, currency: "CNY" },
  });
  const byNumber = transactions.outTradeNo._out_trade_no_; // which the peer takes from the request's config
  const queried = (name, order) =>
    step(`${name} queried`, byNumber.get({ ...numberOf(order), params: { mchid } }));

  const numberOf = ({ out_trade_no }) => ({ out_trade_no });

  // The payer pays; the merchant asks, and gives a third of it back.
  async function paidBy(name, order, how) {
    tell(`${name} payer`, { status: (await payer("pay", how)).status });
    await queried(name, order);
    await step(`${name} not closed`, byNumber.close.post({ mchid }, numberOf(order)));
    const refund = {
      out_refund_no: number("R"),
      out_trade_no: order.out_trade_no,
      amount: { refund: 1500, total: 4500, currency: "CNY" },
      reason: "预订已取消",
      notify_url,
    };
    await step(`${name} refunded`, v3.refund.domestic.refunds.post(refund));
    const { out_refund_no } = refund;
    await step(`${name} refund queried`, v3.refund.domestic.refunds._out_refund_no_.get({ out_refund_no }));
  }

  const inApp = { ...order(), notify_url, payer: { openid: "oChengduCitizen" } };
  const { prepay_id } = await step("jsapi prepaid", transactions.jsapi.post(inApp));
  const asked = [appid, `${Formatter.timestamp()}`, Formatter.nonce(), `prepay_id=${prepay_id}`];
  const [appId, timeStamp, nonceStr, pack] = asked;
  const paySign = paySignOf(merchant, asked);
  await paidBy("jsapi", inApp, { appId, timeStamp, nonceStr, package: pack, signType: "RSA", paySign });

  const browser = { scene_info: { payer_client_ip: "203.0.113.7", h5_info: { type: "Wap" } } };
  const onPhone = { ...order(), notify_url, ...browser };
  const { h5_url } = await step("h5 prepaid", transactions.h5.post(onPhone));
  await paidBy("h5", onPhone, { h5_url });

  const byCode = { ...order(), notify_url };
  const { code_url } = await step("native prepaid", transactions.native.post(byCode));
  await paidBy("native", byCode, { code_url });

  const phone = await (await payer("payer-codes", { openid: "oChengduCitizen" })).json();
  const scanned = { ...order(), payer: phone, scene_info: { store_info: { id: "V1" } } };
  await step("codepay paid", transactions.codepay.post(scanned));
  await step("codepay reversed", byNumber.reverse.post({ mchid, appid }, numberOf(scanned)));

  const unpaid = { ...order(), notify_url };
  await step("unpaid prepaid", transactions.native.post(unpaid));
  await step("unpaid closed", byNumber.close.post({ mchid }, numberOf(unpaid)));
  await queried("unpaid", unpaid);
}

// Verify and decrypt notices that the sandbox signed; null for what the peer does not believe.
async function readNotices({ merchant, base_url: baseURL, notices }) {
  const { certs } = await channel(merchant, baseURL);
  for (const { headers, body } of notices) {
    const said = (name) => headers[`Wechatpay-${name}`] ?? headers[`wechatpay-${name.toLowerCase()}`];
    const message = Formatter.response(said("Timestamp"), said("Nonce"), body);
    const genuine = Rsa.verify(message, said("Signature"), certs[said("Serial")]);
    tell("notice", { told: genuine ? opened(JSON.parse(body), merchant) : null });
  }
}

function opened(notice, { apiv3_key: secret }) {
  const { ciphertext, nonce, associated_data } = notice.resource;
  return { ...notice, resource: JSON.parse(Aes.AesGcm.decrypt(ciphertext, secret, nonce, associated_data)) };
}

// Make a notice as the peer understands it.
function writeNotice({ merchant, signer, contents, kind }) {
  const [nonce, timestamp] = [Formatter.nonce(12), Formatter.timestamp()];
  const box = { nonce, associated_data: "transaction", algorithm: "AEAD_AES_256_GCM", original_type: "transaction" };
  const notice = {
    id: randomUUID(),
    create_time: "2026-11-20T10:00:00+08:00",
    resource_type: "encrypt-resource",
    event_type: kind,
    summary: "支付成功",
    resource: {
      ...box,
      ciphertext: Aes.AesGcm.encrypt(JSON.stringify(contents), merchant.apiv3_key, nonce, box.associated_data),
    },
  };
  const body = JSON.stringify(notice);
  const opens = JSON.stringify(opened(notice, merchant).resource) === JSON.stringify(contents);
  const headers = {
    "Wechatpay-Timestamp": `${timestamp}`,
    "Wechatpay-Nonce": nonce,
    "Wechatpay-Signature": Rsa.sign(Formatter.response(timestamp, nonce, body), signer.private_key),
    "Wechatpay-Serial": signer.serial,
    "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
  };
  tell("notice", { headers, body, opens_for_the_peer: opens });
}

// The Authorization headers that the peer gives these requests now.
function signRequests({ merchant: { mchid, serial, private_key: key }, requests }) {
  for (const { method, path, body, nonce } of requests) {
    const timestamp = Formatter.timestamp();
    const signature = Rsa.sign(Formatter.request(method, path, timestamp, nonce, body), key);
    tell("authorization", { header: Formatter.authorization(mchid, nonce, signature, timestamp, serial) });
  }
}

function signInvocation({ merchant, parameters }) {
  tell("pay_sign", { pay_sign: paySignOf(merchant, parameters) });
}

function paySignOf({ private_key: key }, parameters) {
  return Rsa.sign(Formatter.joinedByLineFeed(...parameters), key);
}

const TASKS = {
  journey,
  read_notices: readNotices,
  write_notice: writeNotice,
  sign_requests: signRequests,
  sign_invocation: signInvocation,
};
const { task, ...told } = JSON.parse(readFileSync(0, "utf8"));
Promise.resolve(TASKS[task](told));
