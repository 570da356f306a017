// A program written by the product's public pages: lists, filters and pages through seismic events, and shows one.
import assert from "node:assert/strict";

const url = `${process.env.GRILLO_URL}/v1`;
const headers = { Authorization: `Bearer ${process.env.GRILLO_API_KEY}` };

async function get(path, params = {}) {
  const answer = await fetch(`${url}${path}?${new URLSearchParams(params)}`, { headers });
  assert.equal(answer.status, 200);
  return answer;
}

const found = [];
let pages = 1;
for (let page = 1; page <= pages; page++) {
  const body = await (await get("/events", { min_magnitude: 2, end: "2013-01-01T00:00:00Z", page, limit: 2 })).json();
  assert.equal(body.pagination.page, page);
  assert.ok(body.meta.request_id && !Number.isNaN(Date.parse(body.meta.timestamp)));
  found.push(...body.data);
  pages = body.pagination.pages;
}
const times = found.map((event) => Date.parse(event.origin_time));
assert.ok(times.length >= 3 && times.every((time, at) => at === 0 || time <= times[at - 1]));

const near = { lat: 41.8, lon: 79.7, radius: 50, start: "2012-04-04T00:00:00Z", end: "2012-04-05T00:00:00Z" };
const { data: [event] } = await (await get("/events", near)).json();
assert.ok(event.id.startsWith("evt_"));
assert.deepEqual([event.magnitude, event.magnitude_type, event.depth_km], [4.4, "mb", 1]);
assert.deepEqual([event.location_description, event.status, event.network_id], ["KYRGYZSTAN", "reviewed", null]);

const { data: details } = await (await get(`/events/${event.id}`)).json();
assert.deepEqual(details.quality, { stations_used: 16, azimuthal_gap: 231, rms_residual: null });
assert.deepEqual([details.depth_uncertainty_km, details.magnitude_uncertainty, details.stations], [null, null, []]);

const rows = (await (await get("/events/export", { format: "csv" })).text()).trim().split("\r\n");
assert.equal(rows[0], "event_id,time,latitude,longitude,depth_km,magnitude,magnitude_type");
assert.ok(rows.some((row) => row.startsWith(event.id)));
console.log("done");
