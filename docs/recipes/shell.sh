# What the recipes use. Run from the folder of Sluice, in bash or zsh:  . docs/recipes/shell.sh

# Where Sluice listens, and its API key. Set either one before to use another gateway.
URL=${URL:-http://127.0.0.1:8300}
KEY=${KEY:-$(npm run --silent sluice key)}
if [ -z "$KEY" ]; then
  echo "There is no API key. Start Sluice with npm start, or set KEY (and URL) to those of your gateway." >&2
  return 1
fi

# A folder for what the receivers of a recipe print.
LOGS=$(mktemp -d)

# Calls the admin API:  api '/events?status=FAILED'    api /events/evt_…/retry -X POST
api() {
  local call=$1
  shift
  curl -sS --globoff "$URL/2026-09-01$call" -H "authorization: Bearer $KEY" -H 'content-type: application/json' "$@"
}

# Prints fields of an answer, one line for each object of a list:  … | pick status attempts
# With one field, prints its value alone:  EVENT=$(… | pick id)
pick() {
  node -e '
    const text = require("fs").readFileSync(0, "utf8");
    const answer = parsed(text);
    if (typeof answer !== "object" || answer === null) {
      console.error(`This answer is not a JSON object: ${text.trim() || "(nothing)"}`);
      process.exit(1);
    }
    if (answer.code && answer.message) {
      console.error(`${answer.code}: ${answer.message}`);
      process.exit(1);
    }
    const fields = process.argv.slice(1);
    const valueOf = (object, field) =>
      field.split(".").reduce((value, name) => value?.[name], object) ?? null;
    for (const object of answer.models ?? [answer]) {
      const values = fields.map((field) => valueOf(object, field));
      const [first] = values;
      if (fields.length > 1) {
        console.log(fields.map((field, n) => `${field}=${JSON.stringify(values[n])}`).join(" "));
      } else console.log(typeof first === "string" ? first : JSON.stringify(first));
    }
    function parsed(text) {
      try {
        return JSON.parse(text);
      } catch {
        return undefined;
      }
    }' "$@"
}

# Writes a JSON object of texts, whatever characters they hold:  json name orders code "$CODE"
json() {
  node -p '
    const words = process.argv.slice(1);
    JSON.stringify(Object.fromEntries(words.flatMap((w, n) => (n % 2 ? [] : [[w, words[n + 1]]]))))
  ' "$@"
}

# Starts a receiver in the background, whose output goes to $LOGS/<name>.log:  receive billing 9001 --status 503
receive() {
  local log=$LOGS/$1.log
  shift
  : > "$log"
  node docs/recipes/receiver.mjs "$@" > "$log" &
  until grep -q listening "$log"; do
    kill -0 $! || return
    sleep 0.1
  done
}
