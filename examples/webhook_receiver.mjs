// The same as webhook_receiver.py, in JavaScript: WEBHOOK_SECRET=whsec_… node examples/webhook_receiver.mjs [PORT]
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const BYTES_MAX = 1_000_000;
const SECONDS_OFF_MAX = 300;
const key = Buffer.from((process.env.WEBHOOK_SECRET ?? "").replace(/^whsec_/, ""), "base64");
if (key.length === 0) throw new Error("set WEBHOOK_SECRET to the channel's secret, whsec_…");

const isSame = (one, other) => one.length === other.length && timingSafeEqual(one, other);

/** Why the message is not believed; null: it is. As Standard Webhooks says, over the bytes as they came. */
function fault(headers, body) {
  const { "webhook-id": id = "", "webhook-timestamp": timestamp = "", "webhook-signature": given = "" } = headers;
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64");
  const isSigned = given.split(" ").some((one) => isSame(Buffer.from(one), Buffer.from(`v1,${expected}`)));
  if (!isSigned) return "no signature is right";
  return Math.abs(Date.now() / 1000 - Number(timestamp)) > SECONDS_OFF_MAX ? "it is too old, or from the future" : null;
}

const seen = new Set(); // of webhook-ids: a message may come more than once. In a database, in earnest

const server = createServer(async (request, response) => {
  const parts = [];
  let length = 0;
  for await (const part of request) {
    length += part.length;
    if (length > BYTES_MAX) return response.writeHead(413, { Connection: "close" }).end();
    parts.push(part);
  }
  const body = Buffer.concat(parts);
  const why = fault(request.headers, body);
  if (why !== null) {
    console.log(`refused: ${why}`);
    return response.writeHead(400).end();
  }
  const id = request.headers["webhook-id"];
  const again = seen.has(id) ? " (again)" : "";
  seen.add(id);
  // Parsed only now that it is known who wrote it. What takes long belongs behind the answer.
  const message = JSON.parse(body);
  console.log(`verified${again}: ${message.type} ${JSON.stringify(message.data)}`);
  return response.writeHead(204).end();
});
server.requestTimeout = 10_000;
server.listen(Number(process.argv[2] ?? 9000), "127.0.0.1", () =>
  console.log(`Listening on http://127.0.0.1:${server.address().port}; Ctrl-C stops it.`),
);
