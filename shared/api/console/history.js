// All runs, newest first, scheduled ones among them, and how they went over time.

import { html, useEffect, useState } from "./preact-htm.js";
import { go, useMe } from "./app.js";
import { call, path } from "./api.js";
import { BUSY, CALM, useAction, useLive } from "./live.js";
import { Button, Card, Empty, Page, Select, Shown, Trouble } from "./parts.js";
import { Chart } from "./chart.js";
import { Runs } from "./runs.js";
import { useNames } from "./states.js";
import { t } from "./strings.js";

const PAGE = 50;
const pace = (data) => (data.runs.some((run) => !run.ended_at) ? BUSY * 2 : CALM);

export function History({ query }) {
  const me = useMe();
  const chosen = query.get("export") || "";
  const [state, setState] = useState("");
  const exports = useLive("/exports");
  const names = useNames();
  const base = chosen ? path`/exports/${chosen}/runs` : "/runs";
  const live = useLive(`${base}?limit=${PAGE}`, pace);
  const known = (exports.data?.exports || []).map((each) => [each.id, each.display_name]);
  if (chosen && !known.some(([id]) => id === chosen)) known.push([chosen, chosen]);
  return html`<${Page} title=${t.nav.history} lead=${t.history.lead}
    actions=${me.may("administrator") && html`<${Button} href="#/erasures">${t.erasures.title}<//>`}>
    <div class="filters">
      <div class="inline-field"><label for="whose">${t.run.export}</label>
        <${Select} id="whose" value=${chosen} options=${[["", t.history.all], ...known]}
          onValue=${(id) => go(id ? `history?export=${id}` : "history")} /></div>
      <div class="inline-field"><label for="state">${t.exports.state}</label>
        <${Select} id="state" value=${state}
          options=${[["", t.history.any], ...t.history.states.map((each) => [each, t.states[each]])]}
          onValue=${setState} /></div>
    </div>
    <${Shown} live=${live}>
      ${(data) => html`<${Whole} key=${base} base=${base} first=${data} state=${state}
        names=${chosen ? null : names} />`}<//>
  <//>`;
}

function Whole({ base, first, state, names }) {
  const [older, setOlder] = useState([]);
  const [next, setNext] = useState(first.next);
  const action = useAction();
  useEffect(() => {
    if (!older.length) setNext(first.next);
  }, [first.next]);
  const more = () => action.run(async () => {
    const { data } = await call("GET", `${base}?limit=${PAGE}&before=${encodeURIComponent(next)}`);
    setOlder([...older, ...data.runs]);
    setNext(data.next);
  });
  const fresh = new Set(first.runs.map((run) => run.run_id));
  const runs = [...first.runs, ...older.filter((run) => !fresh.has(run.run_id))];
  const shown = state ? runs.filter((run) => run.state === state) : runs;
  if (!runs.length) return html`<${Empty} title=${t.history.none}>${t.history.noneText}<//>`;
  return html`
    <${Card} title=${t.history.chart}><${Chart} runs=${shown} />
      ${shown.filter((run) => run.ended_at && !run.dry_run).length < 2
        && html`<p class="muted">${t.history.tooFew}</p>`}<//>
    ${shown.length ? html`<${Runs} runs=${shown} names=${names} />`
      : html`<p class="muted">${t.history.noSuch(runs.length, next)}</p>`}
    <${Trouble} problem=${action.problem} />
    ${next && html`<${Button} busy=${action.busy} onClick=${more}>${t.history.more}<//>`}`;
}
