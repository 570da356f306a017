// A program written by the product's public pages: networks with their statistics, and each one's sensors and data.
import assert from "node:assert/strict";

const url = `${process.env.GRILLO_URL}/v1`;
const headers = { Authorization: `Bearer ${process.env.GRILLO_API_KEY}` };

async function get(path, params = {}) {
  const answer = await fetch(`${url}${path}?${new URLSearchParams(params)}`, { headers });
  assert.equal(answer.status, 200);
  return answer;
}

const { data: networks, pagination } = await (await get("/networks", { page: 1, limit: 100 })).json();
assert.deepEqual([pagination.page, pagination.limit, pagination.pages], [1, 100, 1]);
assert.ok(networks.length === pagination.total && networks.length > 0);
const seen = [];
for (const network of networks) {
  assert.ok(network.id.startsWith("net_") && network.name && network.organization_id);
  assert.ok(!Number.isNaN(Date.parse(network.created_at)));
  assert.deepEqual((await (await get(`/networks/${network.id}`)).json()).data, network);
  const { data: stats } = await (await get(`/networks/${network.id}/stats`)).json();
  assert.deepEqual([stats.network_id, stats.total_sensors], [network.id, network.sensor_count]);
  assert.equal(stats.online_sensors + stats.offline_sensors, stats.total_sensors);
  assert.ok(stats.events_30d >= 0);
  assert.ok(stats.data_completeness === null || (stats.data_completeness >= 0 && stats.data_completeness <= 1));
  let pages = 1;
  const its = [];
  for (let page = 1; page <= pages; page++) {
    const body = await (await get("/sensors", { network_id: network.id, page, limit: 2 })).json();
    its.push(...body.data);
    pages = body.pagination.pages;
  }
  assert.equal(new Set(its.map((sensor) => sensor.id)).size, network.sensor_count);
  assert.ok(its.every((sensor) => sensor.network_id === network.id));
  seen.push(...its.filter((sensor) => sensor.last_seen && sensor.location));
}

// One that has the component that is asked for below.
const sensor = seen.find((one) => one.channels.some((channel) => channel.code.endsWith("Z")));
const { data: details } = await (await get(`/sensors/${sensor.id}`)).json();
assert.equal(details.station_code, sensor.station_code);
assert.ok("serial_number" in details && "type" in details && "site_name" in details.location);
const end = new Date(sensor.last_seen);
const minute = { start: new Date(end - 10_000).toISOString(), end: end.toISOString(), channel: "HNZ" };
const { data } = await (await get(`/sensors/${sensor.id}/data`, { ...minute, format: "json" })).json();
assert.equal(data.sensor_id, sensor.id);
const seconds = (Date.parse(data.end_time) - Date.parse(data.start_time)) / 1000;
assert.ok(Math.abs(seconds * data.sample_rate - (data.samples.length - 1)) < 1.5);
console.log("done");
