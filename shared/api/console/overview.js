// Overview: does everything go well, what is going on, and what comes next.

import { html, useState } from "./preact-htm.js";
import { announce, useMe } from "./app.js";
import { call } from "./api.js";
import { BUSY, CALM, useAction, useLive } from "./live.js";
import { number, sentence } from "./format.js";
import { Badge, Button, Card, Icon, Notice, Page, Progress, Shown, Time, Trouble } from "./parts.js";
import { Invalid, needsAttention, nextOf, stateOf } from "./states.js";
import { t } from "./strings.js";

const pace = (data) => (data.exports.some((each) => each.active_run) ? BUSY : CALM);

export function Overview() {
  const me = useMe();
  const live = useLive("/exports", pace);
  const every = useAction();
  const [started, setStarted] = useState(null);
  const runAll = () => every.run(async () => {
    const { data } = await call("POST", "/runs");
    setStarted(t.overview.started(data.runs.length));
    announce(t.overview.started(data.runs.length));
    live.reload();
  });
  const some = live.data?.exports.length > 0;
  const actions = some && me.may("contributor") && html`
    <${Button} onClick=${runAll} busy=${every.busy}>${t.overview.runAll}<//>
    <${Button} kind="primary" href="#/exports/new">${t.exports.add}<//>`;
  return html`<${Page} title=${t.nav.overview} lead=${some && html`<${Verdict} exports=${live.data.exports} />`}
    actions=${actions}>
    <${Trouble} problem=${every.problem} />
    ${started && html`<${Notice} tone="ok">${started}<//>`}
    <${Shown} live=${live}>${(data) => html`
      <${Invalid} documents=${data.invalid} />
      ${data.exports.length
        ? html`<${Figures} exports=${data.exports} />
          <ul class="tiles">${ordered(data.exports).map((each) => html`<${Tile} key=${each.id} export=${each} />`)}</ul>`
        : html`<${Welcome} />`}`}
    <//>
  <//>`;
}

/** What needs a look first, then what is under way, then the rest. */
function ordered(exports) {
  const rank = (each) => (needsAttention(each) ? 0 : each.active_run ? 1 : 2);
  return [...exports].sort((one, other) => rank(one) - rank(other));
}

function Verdict({ exports }) {
  const troubled = exports.filter(needsAttention).length;
  return troubled
    ? html`<span class="verdict warn"><${Icon} name="warn" />${t.overview.troubled(troubled)}</span>`
    : html`<span class="verdict ok"><${Icon} name="ok" />${t.overview.well}</span>`;
}

function Figures({ exports }) {
  const people = exports.reduce((sum, each) => sum + (each.members || 0), 0);
  const next = exports.map((each) => each.next_run_at).filter(Boolean).sort()[0];
  const active = exports.filter((each) => each.active_run).length;
  return html`<dl class="figures">
    <div><dt>${t.overview.people}</dt><dd>${number(people)}</dd></div>
    <div><dt>${t.nav.exports}</dt><dd>${number(exports.length)}</dd></div>
    <div><dt>${t.overview.running}</dt><dd>${number(active)}</dd></div>
    <div><dt>${t.overview.next}</dt><dd><${Time} iso=${next} /></dd></div>
  </dl>`;
}

function Tile({ export: each }) {
  const run = each.active_run;
  const last = each.last_run;
  return html`<li class="card tile">
    <div class="tile-head"><h2><a href=${`#/exports/${each.id}`}>${each.display_name}</a></h2>
      <${Badge} ...${stateOf(each)} /></div>
    ${run ? html`<a class="plain" href=${`#/runs/${run.run_id}`}><${Progress} run=${run} /></a>`
      : html`<p class="reason">${wordsOn(each)}</p>`}
    <dl class="facts small">
      <div><dt>${t.exports.members}</dt><dd>${number(each.members)}</dd></div>
      <div><dt>${t.exports.last}</dt>
        <dd>${last ? html`<a
          href=${`#/runs/${last.run_id}`}><${Time} iso=${last.ended_at || last.started_at || last.submitted_at} /></a>`
          : "–"}</dd></div>
      <div><dt>${t.exports.next}</dt>
        <dd>${nextOf(each)}</dd></div>
    </dl>
  </li>`;
}

/** What there is to say of an export that does not run now, in a sentence. */
function wordsOn({ removing, connection, last_run: last }) {
  if (removing) return t.exports.removingText;
  if (!connection) return t.exports.pickConnection;
  if (!last) return t.exports.neverRan;
  if (last.reason) return sentence(last.reason);
  return last.state === "successful" ? t.run.fine : "";
}

/** Nothing is there yet: the three steps, and which of them are done. */
function Welcome() {
  const me = useMe();
  const connections = useLive("/connections", () => CALM);
  const segments = useLive("/segments", () => 5000);
  const connected = connections.data?.connections.length > 0;
  const landed = segments.data?.segments.some((each) => each.state === "complete");
  const steps = [
    [connected, t.welcome.connect, t.welcome.connectText,
      me.may("administrator") && ["#/connections/new", t.connections.add]],
    [landed, t.welcome.land, t.welcome.landText, ["#/segments", t.nav.segments]],
    [false, t.welcome.export, t.welcome.exportText,
      connected && me.may("contributor") && ["#/exports/new", t.exports.add]],
  ];
  const current = steps.findIndex(([done]) => !done);
  return html`<${Card} title=${t.welcome.title} class="welcome"><p>${t.welcome.text}</p>
    <ol class="steps">${steps.map(([done, title, text, action], i) => html`
      <li class=${done ? "done" : ""}>
        <span class="mark" aria-hidden="true">${done ? html`<${Icon} name="ok" />` : i + 1}</span>
        <div><h3>${title}${done && html`<span class="sr"> ${t.done}</span>`}</h3><p>${text}</p>
          ${action && !done
            && html`<${Button} kind=${i === current || (i === 2 && connected) ? "primary" : ""}
              href=${action[0]}>${action[1]}<//>`}</div></li>`)}
    </ol><//>`;
}
