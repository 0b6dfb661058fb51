// node audit.mjs URL [TOKEN]: runs the GraphQL-over-HTTP audits against URL, prints what they found as one JSON object.
import { serverAudits } from "graphql-http";

const [url, token] = process.argv.slice(2);
const known = token ? { authorization: `Bearer ${token}` } : {};
const fetchFn = (input, init = {}) => fetch(input, { ...init, headers: { ...init.headers, ...known } });
const failed = [];
let passed = 0;
for (const audit of serverAudits({ url, fetchFn })) {
  const result = await audit.fn();
  if (result.status === "ok") passed += 1;
  else failed.push({ id: audit.id, name: audit.name, status: result.status, reason: result.reason });
}
console.log(JSON.stringify({ passed, failed }));
