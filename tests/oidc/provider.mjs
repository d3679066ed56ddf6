// A real OpenID Connect provider (npm oidc-provider) on a free port of the loopback, for the tests of signing in.
// With the files of a key and a certificate as arguments it speaks TLS. It prints one line, its issuer, and ends with its standard
// input. `POST /control` with JSON changes what it does:
//   clients     the clients it knows (oidc-provider's own form)
//   accounts    who can sign in (with any password), by login: their claims
//   inIdToken   whether claims of scopes are in the ID token (true) or only at the userinfo endpoint (false)
//   tamper      claims that replace those of the next ID tokens, which are signed again: what a wrong provider would do;
//               `alg` "none" or "HS256" signs them in these ways
//   rotate      true: from now on it signs with a fresh key and publishes no other
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import crypto from 'node:crypto';
import { calculateJwkThumbprint, decodeJwt, exportJWK, exportSPKI, generateKeyPair, importJWK, SignJWT, UnsecuredJWT } from 'jose';
import Provider from 'oidc-provider';

const cookieKey = crypto.randomBytes(32).toString('hex');
const config = { clients: [], accounts: {}, inIdToken: true, tamper: null };
let issuer, key, handle;

async function freshKey() {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = await exportJWK(privateKey);
  key = { ...jwk, alg: 'ES256', use: 'sig', kid: await calculateJwkThumbprint(jwk) };
}

async function sign(claims) {
  const { alg, ...changed } = config.tamper;
  const all = { ...claims, ...changed };
  if (alg === 'none') return new UnsecuredJWT(all).encode();
  if (alg === 'HS256') {
    // The public key as the shared secret: the old confusion of algorithms.
    const { d, ...open } = key;
    const secret = new TextEncoder().encode(await exportSPKI(await importJWK(open, 'ES256', { extractable: true })));
    return new SignJWT(all).setProtectedHeader({ alg, kid: key.kid }).sign(secret);
  }
  return new SignJWT(all).setProtectedHeader({ alg: 'ES256', kid: key.kid }).sign(await importJWK(key, 'ES256'));
}

function build() {
  const provider = new Provider(issuer, {
    clients: config.clients,
    jwks: { keys: [key] },
    cookies: { keys: [cookieKey] },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
    scopes: ['openid', 'email', 'profile', 'groups'],
    conformIdTokenClaims: !config.inIdToken,
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 600, Grant: 600, Session: 600 },
    findAccount: (ctx, id) => config.accounts[id] && { accountId: id, claims: () => ({ sub: id, ...config.accounts[id] }) },
  });
  provider.use(async (ctx, next) => {
    await next();
    if (config.tamper && ctx.path === '/token' && ctx.body?.id_token) {
      ctx.body.id_token = await sign(decodeJwt(ctx.body.id_token));
    }
  });
  handle = provider.callback();
}

async function control(request, response) {
  let body = '';
  for await (const chunk of request) body += chunk;
  const { rotate, ...changes } = JSON.parse(body);
  Object.assign(config, changes);
  if (rotate) await freshKey();
  build();
  response.writeHead(204).end();
}

const [keyFile, certificateFile] = process.argv.slice(2);
const answer = (request, response) => {
  const handled = request.url === '/control' ? control(request, response) : handle(request, response);
  Promise.resolve(handled).catch((error) => response.writeHead(500).end(String(error)));
};
const server = keyFile
  ? https.createServer({ key: fs.readFileSync(keyFile), cert: fs.readFileSync(certificateFile) }, answer)
  : http.createServer(answer);
server.listen(0, '127.0.0.1', async () => {
  issuer = `${keyFile ? 'https' : 'http'}://127.0.0.1:${server.address().port}`;
  await freshKey();
  build();
  console.log(issuer);
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
