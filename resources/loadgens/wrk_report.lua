-- SPDX-License-Identifier: Apache-2.0
-- Prints one line of JSON when wrk has ended. It defines no per-request function, so that wrk keeps
-- its fast path: one request text, made once.
local LINE = 'featherbench {"requests":%d,"duration_us":%d,"bytes":%d,'
  .. '"errors":{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d},'
  .. '"latency_us":{"mean":%.3f,"p50":%d,"p90":%d,"p99":%d,"max":%d}}\n'

function done(summary, latency, _)
  local errors = summary.errors
  io.write(LINE:format(
    summary.requests, summary.duration, summary.bytes,
    errors.connect, errors.read, errors.write, errors.status, errors.timeout,
    latency.mean, latency:percentile(50), latency:percentile(90), latency:percentile(99), latency.max
  ))
end
