// An authenticator of the tests.
import { createHmac } from "node:crypto";

const STEP_MILLIS = 30_000;

/** Its code now, or so many steps later (RFC 6238). */
export function totp(secret, later = 0) {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  let bits = "";
  for (const character of secret.replace(/=+$/, "")) bits += alphabet.indexOf(character).toString(2).padStart(5, "0");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / STEP_MILLIS) + later));
  const mac = createHmac("sha1", key).update(counter).digest();
  const at = mac[19] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

/** Sets a second factor up for who is signed in on the page, through the API; gives its secret and the recovery codes. */
export async function setUpSecondFactor(page, password) {
  const begun = await page.evaluate(async (password) => {
    const { csrf_token } = await (await fetch("/v1/session")).json();
    const answer = await fetch("/v1/second-factor", { method: "POST", body: JSON.stringify({ password }), headers: { "content-type": "application/json", "x-csrf-token": csrf_token } });
    return { ...(await answer.json()), csrf_token };
  }, password);
  const recovery_codes = await page.evaluate(async ({ enrolment, csrf_token, code }) => {
    const headers = { "content-type": "application/json", "x-csrf-token": csrf_token };
    const answer = await fetch("/v1/second-factor/confirm", { method: "POST", headers, body: JSON.stringify({ enrolment, code }) });
    return (await answer.json()).recovery_codes;
  }, { ...begun, code: totp(begun.secret) });
  return { secret: begun.secret, recovery_codes };
}
