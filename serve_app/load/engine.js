// The requests, sent by k6. Each connection is one virtual user that runs one long iteration, so
// that it keeps its connection, its place in the moves and its answers, and loses none at the end.
//
// What it prints, to be read by engine.py:
//   @offset,move,status,milliseconds,user,text;…   answers; offset in ms from the beginning, text
//                                                  the id of a transfer made, or what was refused
//   #count                                         requests that came too late to be sent at all
import http from 'k6/http';
import exec from 'k6/execution';
import { sleep } from 'k6';

const plan = JSON.parse(open(__ENV.GOPHERPAY_PLAN));
const TOLD_EACH_MS = 250;
const MOVE_LENGTH = 13;
const ID_LENGTH = 36;
const PAUSE_SECONDS = 0.2; // where nobody listens, or not now, there is nothing to hurry for
const TIMED_OUT = 1050;    // k6's number for a request without an answer in time

export const options = {
  scenarios: {
    load: {
      executor: 'per-vu-iterations',
      vus: plan.connections,
      iterations: 1,
      maxDuration: `${plan.ramp_seconds + plan.seconds + plan.drain_seconds}s`,
      gracefulStop: '1s',
    },
  },
  systemTags: [],
  maxRedirects: 0,
  userAgent: 'gopherpay-load',
};

const sides = plan.users.map((token) => ({
  timeout: '30s',
  headers: {
    'Authorization': `Bearer ${token}`,
    'Content-Type': 'application/json',
    'Idempotency-Key': '',
  },
}));

// When the n-th request is due, in seconds: the rate grows evenly over the ramp, then stays.
function due(n) {
  const inRamp = plan.rate * plan.ramp_seconds / 2;
  if (n < inRamp) return Math.sqrt(2 * n * plan.ramp_seconds / plan.rate);
  return plan.ramp_seconds / 2 + n / plan.rate;
}

function account(place) {
  return plan.accounts.substr(place * ID_LENGTH, ID_LENGTH);
}

function transfer(source, destination, side, key) {
  side.headers['Idempotency-Key'] = key;
  return http.post(
    `${plan.url}/v1/transfers`,
    `{"source_account_id":"${account(source)}","destination_account_id":"${account(destination)}",` +
      `"amount":"${plan.amount}","currency":"${plan.currency}"}`,
    side,
  );
}

function read(move, source, side, lastId) {
  const shown = `${plan.url}/v1/accounts/${account(source)}`;
  side = { timeout: side.timeout, headers: { 'Authorization': side.headers['Authorization'] } };
  if (move === 'E') return http.get(`${shown}/entries?limit=20`, side);
  if (move === 'G' && lastId) return http.get(`${plan.url}/v1/transfers/${lastId}`, side);
  return http.get(shown, side);
}

function member(body, opening, end) {
  const at = body.indexOf(opening);
  if (at < 0) return '';
  const begin = at + opening.length;
  return body.substring(begin, body.indexOf(end, begin));
}

function outcome(move, answer) {
  if (answer.status === 0) return answer.error_code === TIMED_OUT ? 'timed-out' : 'not-connected';
  const body = answer.body || '';
  if (answer.status >= 400) return member(body, '"code":"', '"') || `status-${answer.status}`;
  return move === 'T' ? member(body, '"id":"', '"') : '';
}

export default function () {
  const mine = exec.vu.idInTest - 1;
  const beganMs = exec.scenario.startTime;
  const endMs = beganMs + (plan.ramp_seconds + plan.seconds) * 1000;
  const count = plan.moves.length / MOVE_LENGTH;
  const lastIds = {};
  let place = Math.floor(mine * count / plan.connections);
  let lines = '';
  let toldMs = Date.now();
  let number = 0;

  const tell = (nowMs) => {
    if (lines) console.log(`@${lines}`);
    lines = '';
    toldMs = nowMs;
  };

  const waitUntil = (dueMs) => {
    const nowMs = Date.now();
    if (dueMs <= nowMs) return;
    if (dueMs - toldMs > TOLD_EACH_MS) tell(nowMs);
    sleep((dueMs - nowMs) / 1000);
  };

  const nextDueMs = () => {
    if (plan.rate > 0) return beganMs + 1000 * due(mine + number * plan.connections);
    return number > 0 ? 0 : beganMs + 1000 * plan.ramp_seconds * mine / plan.connections;
  };

  for (;;) {
    const dueMs = nextDueMs();
    if (dueMs >= endMs) break;
    waitUntil(dueMs);
    const sentMs = Date.now();
    if (sentMs >= endMs) break;
    const at = place * MOVE_LENGTH;
    place = (place + 1) % count;
    const move = plan.moves[at];
    const source = Number(plan.moves.substr(at + 1, 6));
    const user = source % sides.length;
    const key = `${plan.run}-${mine}-${number}`;
    number += 1;
    const answer = move === 'T'
      ? transfer(source, Number(plan.moves.substr(at + 7, 6)), sides[user], key)
      : read(move, source, sides[user], lastIds[user]);
    const nowMs = Date.now();
    const text = outcome(move, answer);
    if (move === 'T' && answer.status === 201) lastIds[user] = text;
    const lateMs = plan.rate > 0 ? Math.max(0, sentMs - dueMs) : 0;
    const tookMs = answer.status === 0 ? nowMs - sentMs : answer.timings.duration;
    lines += `${nowMs - beganMs},${move},${answer.status},${(lateMs + tookMs).toFixed(2)},${user},${text};`;
    if (nowMs - toldMs >= TOLD_EACH_MS) tell(nowMs);
    if (answer.status === 0) sleep(PAUSE_SECONDS);
  }
  tell(Date.now());
  let unsent = 0;
  while (plan.rate > 0 && nextDueMs() < endMs) {
    unsent += 1;
    number += 1;
  }
  if (unsent) console.log(`#${unsent}`);
}
