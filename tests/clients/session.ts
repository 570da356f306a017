// One session with the generated TypeScript client, which validates what it sends and what comes with zod.
import assert from "node:assert/strict";
import { client } from "./client.gen";
import {
  createKey, getKey, getOwnKey, listChannels, listKeys, listSensors, revokeKey, rotateKey, updateKey, verifyKey,
} from "./sdk.gen";

const admin = process.env.GRILLO_API_KEY as string;
client.setConfig({ baseUrl: process.env.GRILLO_URL, auth: admin });

async function session(): Promise<void> {
  const created = await createKey({ body: { name: "From TypeScript", permissions: ["read:sensors"], labels: { env: "test" } } });
  assert.equal(created.error, undefined);
  const { id, key } = created.data!;
  assert.deepEqual(created.data!.permissions, ["sensors:read"]);

  const shown = await getKey({ path: { key_id: id } });
  const tag = shown.response!.headers.get("ETag")!;
  assert.ok(Number(shown.response!.headers.get("X-RateLimit-Remaining")) > 0);
  const changed = await updateKey({ path: { key_id: id }, body: { description: "changed" }, headers: { "If-Match": tag } });
  assert.equal(changed.data!.description, "changed");
  const stale = await updateKey({ path: { key_id: id }, body: { description: "lost" }, headers: { "If-Match": tag } });
  assert.equal(stale.response!.status, 412);
  assert.equal((stale.error as { error: { code: string } }).error.code, "precondition_failed");

  const rotated = await rotateKey({ path: { key_id: id }, body: { grace_seconds: 0 } });
  const next = rotated.data!.key!;
  assert.notEqual(next, key);
  const own = await getOwnKey({ auth: next });
  assert.equal(own.data!.id, id);
  const sensors = await listSensors({ auth: next, query: { limit: 1 } });
  assert.equal(sensors.data!.data.length, 1);
  assert.equal((await listChannels({ auth: next })).response!.status, 403);
  assert.equal((await verifyKey({ body: { key: next, permission: "sensors:read" } })).data!.valid, true);

  const other = await createKey({ body: { name: "From TypeScript", permissions: ["events:read"] } });
  const seen: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await listKeys({ query: { limit: 1, q: "From TypeScript", cursor } });
    seen.push(...page.data!.data.map((one) => one.id));
    if (!page.data!.next_cursor) break;
    cursor = page.data!.next_cursor;
  }
  assert.deepEqual(seen, [other.data!.id, id]);
  await revokeKey({ path: { key_id: other.data!.id }, body: { reason: "superseded" } });

  const revoked = await revokeKey({ path: { key_id: id }, body: { reason: "superseded" } });
  assert.equal(revoked.data!.status, "revoked");
  const refused = await getOwnKey({ auth: next });
  assert.equal(refused.response!.status, 401);
  assert.equal(refused.error!.error.code, "unauthorized");
}

session().then(() => console.log("done"));
