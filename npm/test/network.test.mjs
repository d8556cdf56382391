// Addresses and networks, against Node's own net.BlockList and net.isIP.

import assert from "node:assert/strict";
import { BlockList, isIP, isIPv4 } from "node:net";
import { test } from "node:test";
import { COMPILED } from "../scripts/paths.mjs";

const { Networks, parseAddress } = await import(`${COMPILED}network.js`);

const list = (...cidrs) => new Networks(cidrs, "allowFrom");

test("addresses are read as Node reads them", () => {
  const good = [
    "0.0.0.0",
    "255.255.255.255",
    "1.2.3.4",
    "::",
    "::1",
    "1::",
    "1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7::",
    "::8",
  ];
  good.push(
    "2001:db8::1",
    "2001:DB8::A",
    "fe80::1",
    "1::8",
    "::1.2.3.4",
    "64:ff9b::192.0.2.1",
    "1:2:3:4:5:6:1.2.3.4",
    "0:0:0:0:0:0:0:0",
  );
  const bad = [
    "",
    "1.2.3",
    "1.2.3.4.5",
    "256.1.1.1",
    "01.2.3.4",
    "1.2.3.04",
    "1.2.3.",
    ".1.2.3",
    "1.2.3.4 ",
    " 1.2.3.4",
    "a.b.c.d",
  ];
  bad.push(
    "0x1.2.3.4",
    "1.2.3.-4",
    "1.2.3.1e1",
    "١.2.3.4",
    ":",
    ":::",
    "1:::2",
    "1::2::3",
    "12345::",
    "g::",
    "1:2:3:4:5:6:7",
  );
  bad.push(
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "1:2:3:4::5:6:7:8:9",
    "1.2.3.4::",
    "::1.2.3",
    "::1.2.3.256",
    "::1.2.3.4:5",
  );
  bad.push(
    "[::1]",
    "::1/128",
    "1:2:3:4:5:6:7:1.2.3.4",
    ":1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7:",
    ":1::2",
    "1::2:",
    "::01.2.3.4",
    `${"0".repeat(50)}::`,
  );
  for (const text of good) {
    assert.notEqual(isIP(text), 0, text);
    assert.equal(parseAddress(text)?.length, isIPv4(text) ? 4 : 16, text);
  }
  for (const text of bad) {
    assert.equal(isIP(text), 0, text);
    assert.equal(parseAddress(text), null, text);
  }
});

test("random texts of the right characters are read as Node reads them", () => {
  // A fixed sequence, so that a failure comes again.
  let state = 20261121;
  const random = (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const pieces = [
    "",
    "0",
    "1",
    "00",
    "01",
    "ff",
    "255",
    "256",
    "1.2.3.4",
    "abcd",
    "12345",
    "g",
    ":",
    "::",
    ".",
    " ",
    "/8",
  ];
  let [good, bad] = [0, 0];
  for (let i = 0; i < 200_000; i += 1) {
    const glue = random(2) === 0 ? ":" : ".";
    const text = Array.from({ length: 1 + random(9) }, () => pieces[random(pieces.length)]).join(glue);
    const isAddress = isIP(text) !== 0;
    assert.equal(parseAddress(text) !== null, isAddress, text);
    if (isAddress) good += 1;
    else bad += 1;
  }
  assert.ok(good > 100 && bad > 100, `${good} addresses, ${bad} others`);
});

test("an IPv4 address inside IPv6 is that IPv4 address, in every spelling", () => {
  for (const text of ["::ffff:192.0.2.1", "::FFFF:c000:201", "0:0:0:0:0:ffff:192.0.2.1", "0000::ffff:c000:0201"]) {
    assert.deepEqual(parseAddress(text), [192, 0, 2, 1], text);
    assert.ok(list("192.0.2.0/24").has(text), text);
  }
  assert.ok(list("::ffff:192.0.2.0/120").has("192.0.2.9"));
  assert.ok(list("::ffff:0.0.0.0/96").has("8.8.8.8"));
  assert.ok(!list("::/0").has("192.0.2.1"), "all of IPv6 is not all of IPv4");
  assert.ok(!list("0.0.0.0/0").has("::1"));
  assert.ok(!list("192.0.2.1").has("::192.0.2.1"), "the old compatible form is another address");
});

test("membership is what net.BlockList says, for every prefix length", () => {
  const masked = (bytes, bits) =>
    bytes.map((byte, at) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - at * 8))) & 0xff);
  const v4 = (bytes) => bytes.join(".");
  const v6 = (bytes) =>
    Array.from({ length: 8 }, (_, at) => ((bytes[2 * at] << 8) | bytes[2 * at + 1]).toString(16)).join(":");
  let asked = 0;
  for (const [family, length, write] of [
    ["ipv4", 4, v4],
    ["ipv6", 16, v6],
  ]) {
    const base = Array.from({ length }, (_, at) => (at * 73 + 165) & 0xff);
    for (let bits = 0; bits <= length * 8; bits += 1) {
      const net = write(masked(base, bits));
      const theirs = new BlockList();
      theirs.addSubnet(net, bits, family);
      const ours = list(`${net}/${bits}`);
      for (let flip = 0; flip < length * 8; flip += 1) {
        const other = base.map((byte, at) => (at === flip >> 3 ? byte ^ (0x80 >> (flip & 7)) : byte));
        const text = write(other);
        assert.equal(ours.has(text), theirs.check(text, family), `${net}/${bits} ${text}`);
        asked += 1;
      }
      assert.ok(ours.has(write(base)));
    }
  }
  assert.equal(asked, 33 * 32 + 129 * 128);
});

test("a network that is mistyped is refused, and says how it should be", () => {
  for (const cidr of [
    "",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/08",
    "10.0.0.0/8/8",
    "::/129",
    "10.0.0/8",
    "a",
    "10.0.0.0 /8",
    "::ffff:1.2.3.4/95",
    7,
    null,
  ]) {
    assert.throws(() => list(cidr), { code: "option_invalid", message: /allowFrom/ }, String(cidr));
  }
  assert.throws(() => list("10.0.0.1/8"), { code: "option_invalid", message: /behind its prefix/ });
  assert.throws(() => list("2001:db8::1/32"), { code: "option_invalid", message: /behind its prefix/ });
  assert.throws(() => new Networks("10.0.0.0/8", "allowFrom"), { code: "option_invalid" });
});

test("what is no address is in no network, not even in the one of all", () => {
  for (const address of [null, undefined, "", "unknown", "_hidden", "10.0.0.1:80", "[::1]"]) {
    assert.ok(!list("0.0.0.0/0", "::/0").has(address), String(address));
  }
  assert.ok(list("fe80::/10").has("fe80::1%eth0"));
  assert.ok(!list("10.0.0.0/8").has("10.0.0.1%eth0"));
  assert.ok(list().isEmpty);
});
