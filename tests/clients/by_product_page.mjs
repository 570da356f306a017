// A program written by the product's public pages: backs off on 429, warns of a low limit, reads error.code.
import assert from "node:assert/strict";

const url = `${process.env.GRILLO_URL}/v1`;
const key = process.env.GRILLO_API_KEY;

async function get(path, bearer = key) {
  let answer;
  for (let attempt = 0; attempt < 3; attempt++) {
    answer = await fetch(url + path, { headers: { Authorization: `Bearer ${bearer}` } });
    if (answer.status !== 429) break;
    const { error } = await answer.json();
    assert.equal(error.code, "rate_limit_exceeded");
    assert.equal(error.retry_after, Number(answer.headers.get("Retry-After")));
    console.log("waits");
    await new Promise((resolve) => setTimeout(resolve, error.retry_after * 1000));
  }
  const remaining = answer.headers.get("X-RateLimit-Remaining");
  if (remaining !== null && Number(remaining) < 10) console.log("low", Number(remaining));
  return answer;
}

for (let count = Number(process.argv[2]); count > 0; count--) {
  const answer = await get("/sensors?limit=1");
  assert.equal(answer.status, 200);
}
const refused = await get("/keys");
const body = await refused.json();
assert.deepEqual([refused.status, body.error.code], [403, "forbidden"]);
assert.equal(body.meta.request_id, refused.headers.get("X-Request-Id"));
const unknown = await get("/sensors", "nonsense");
assert.deepEqual([unknown.status, (await unknown.json()).error.code], [401, "unauthorized"]);
console.log("done");
