// An issuer of OpenID Connect on loopback (oidc-provider): the name given at its page is the person.
// ISSUER, REDIRECT, CLIENT_ID and CLIENT_SECRET come by the environment; a line on standard output says that it serves.
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import Provider from "oidc-provider";

const { ISSUER, REDIRECT, CLIENT_ID, CLIENT_SECRET } = process.env;
const groups = { anna: ["admins"], ben: ["staff"], carla: [] };

const provider = new Provider(ISSUER, {
  clients: [
    {
      client_id: CLIENT_ID,
      client_secret: CLIENT_SECRET,
      redirect_uris: [REDIRECT],
      grant_types: ["authorization_code"],
      response_types: ["code"],
    },
  ],
  claims: { openid: ["sub", "groups"], profile: ["name", "zoneinfo"], email: ["email", "email_verified"] },
  conformIdTokenClaims: false,
  cookies: { keys: ["of tests alone"] },
  features: { devInteractions: { enabled: false } },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: `${id} Rossi`, groups: groups[id] ?? [], zoneinfo: "Europe/Rome" }),
  }),
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  async loadExistingGrant(context) {
    const { client, session } = context.oidc;
    const grant = new context.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope("openid profile email");
    await grant.save();
    return grant;
  },
  pkce: { required: () => true },
});
provider.on("server_error", (_context, error) => console.error(error));

const page = `<!doctype html><html lang="en"><title>Issuer</title>
<link rel="icon" href="data:,"><main><h1>Issuer</h1><form method="post">
<label>Account <input name="account"></label> <button>Sign in</button></form></main></html>`;

async function interact(request, response) {
  if (request.method === "POST") {
    const accountId = new URLSearchParams(await text(request)).get("account");
    await provider.interactionFinished(request, response, { login: { accountId } });
  } else {
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    response.end(page);
  }
}

const serve = provider.callback();
const server = createServer((request, response) => {
  if (!request.url.startsWith("/interaction/")) serve(request, response);
  else interact(request, response).catch((error) => response.writeHead(500).end(String(error)));
});
server.listen(Number(new URL(ISSUER).port), "127.0.0.1", () => console.log("serving"));
