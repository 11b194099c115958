// What npm `alipay-sdk`, Alipay's own, makes of our wire: in key mode, and in certificate mode where it is given any.
// Reads {"task": …, "merchant": {…}, …} from standard input; prints one JSON line a fact, for the test to judge.
"use strict";
const { randomUUID } = require("node:crypto");
const { readFileSync } = require("node:fs");
const { AlipaySdk } = require("alipay-sdk");

const tell = (fact, told) => console.log(JSON.stringify({ fact, ...told }));
const number = (letter) => letter + randomUUID().replaceAll("-", "").slice(0, 20);

function clientOf({ app_id: appId, app_key: privateKey, alipay_public_key: alipayPublicKey, certificates }, gateway) {
  const trust = certificates
    ? {
        appCertContent: certificates.app,
        alipayPublicCertContent: certificates.alipay,
        alipayRootCertContent: certificates.root,
      }
    : { alipayPublicKey: alipayPublicKey.trim() }; // it does not read past an empty last line
  return new AlipaySdk({ appId, privateKey: privateKey.trim(), gateway, camelcase: false, ...trust });
}

// Payments in every way through the SDK's own client, which is told to check the signature of every answer.
async function journey({ merchant, base_url: baseURL }) {
  const sdk = clientOf(merchant, `${baseURL}/gateway.do`);
  const { notify_url } = merchant;

  async function step(name, method, bizContent) {
    const answer = await sdk.exec(method, { notify_url, bizContent }, { validateSign: true });
    tell(name, { answer });
    return answer;
  }
  async function payer(act, asked = {}) {
    const answer = await fetch(`${baseURL}/_sandbox/${act}`, { method: "POST", body: JSON.stringify(asked) });
    if (!answer.ok) throw Error(await answer.text());
    return answer.json();
  }
  const subject = "成都高新体育中心 羽毛球 2 号场";
  const order = () => ({ out_trade_no: number("P"), total_amount: "45.00", subject });

  // The payer pays; the seller asks, and gives a third of it back.
  async function paidBy(name, { out_trade_no }, how) {
    await payer("pay", how);
    await step(`${name} queried`, "alipay.trade.query", { out_trade_no });
    await step(`${name} not closed`, "alipay.trade.close", { out_trade_no });
    const part = { out_trade_no, out_request_no: number("R") };
    await step(`${name} refunded`, "alipay.trade.refund", { ...part, refund_amount: "15.00" });
    await step(`${name} refund queried`, "alipay.trade.fastpay.refund.query", part);
  }

  for (const [kind, product_code] of [["wap", "QUICK_WAP_WAY"], ["page", "FAST_INSTANT_TRADE_PAY"]]) {
    const wanted = order();
    const page = { notify_url, bizContent: { ...wanted, product_code } };
    await paidBy(kind, wanted, { url: sdk.pageExec(`alipay.trade.${kind}.pay`, "GET", page) });
  }

  const byCode = order();
  const { qr_code } = await step("code offered", "alipay.trade.precreate", byCode);
  await paidBy("code", byCode, { qr_code });

  const scanned = order();
  const phone = await payer("payer-codes");
  await step("bar paid", "alipay.trade.pay", { ...scanned, scene: "bar_code", ...phone });
  await step("bar cancelled", "alipay.trade.cancel", { out_trade_no: scanned.out_trade_no });

  const unpaid = order();
  const { out_trade_no } = unpaid;
  const shown = await step("unpaid offered", "alipay.trade.precreate", unpaid);
  await step("unpaid unknown", "alipay.trade.query", { out_trade_no });
  await payer("refuse", { qr_code: shown.qr_code });
  await step("unpaid closed", "alipay.trade.close", { out_trade_no });
  await step("unpaid queried", "alipay.trade.query", { out_trade_no });

  const day = { bill_type: "trade", bill_date: merchant.today };
  await step("bill", "alipay.data.dataservice.bill.downloadurl.query", day);
}

// Judge the signed parameters of our requests: what the SDK would send now in their place, and if it believes them.
function signRequests({ merchant, requests }) {
  const sdk = clientOf(merchant);
  const gateway = clientOf({ ...merchant, certificates: null, alipay_public_key: merchant.app_public_key });
  for (const ours of requests) {
    const wanted = { bizContent: JSON.parse(ours.biz_content) };
    for (const name of ["format", "notify_url", "return_url"]) if (name in ours) wanted[name] = ours[name];
    const parameters = Object.fromEntries(new URLSearchParams(sdk.sdkExec(ours.method, wanted)));
    tell("request", { parameters, believed: gateway.checkNotifySignV2(ours) });
  }
}

function readNotices({ merchant, notices }) {
  const sdk = clientOf(merchant);
  for (const form of notices) tell("notice", { believed: sdk.checkNotifySignV2(form) });
}

const TASKS = { journey, sign_requests: signRequests, read_notices: readNotices };
const { task, ...told } = JSON.parse(readFileSync(0, "utf8"));
Promise.resolve(TASKS[task](told));
