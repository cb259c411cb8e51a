// An export, step by step: where to, who, which columns, which rules, when. Saving does not run it.

import { html, useEffect, useMemo, useState } from "./preact-htm.js";
import { announce, go, leaving, useMe } from "./app.js";
import { call, path } from "./api.js";
import { useAction, useLive } from "./live.js";
import { slug } from "./format.js";
import { Button, Field, Icon, Notice, Page, Shown, Text, Trouble } from "./parts.js";
import { Conflict } from "./conflict.js";
import { Destination } from "./editor_destination.js";
import { SegmentChoice } from "./editor_segments.js";
import { Matching, useColumns } from "./editor_mapping.js";
import { Rules } from "./editor_rules.js";
import { When } from "./editor_schedule.js";
import { documentOf, EXPORT_KEYS } from "./states.js";
import { t } from "./strings.js";

const EMPTY = {
  display_name: "", connection: null, list_id: "", segments: [], mapping: { email: "", custom_fields: {} },
  only_where: {},
  removal: "leavers", schedule: "default", timezone: null, run_on_landing: true, max_profiles: 100_000,
  max_shrink_percent: 50, clear_empty: false, create_missing_fields: false, delivery: "auto", enabled: true,
};
const STEPS = ["where", "who", "what", "rules", "when"];

export function NewExport({ query }) {
  const from = query.get("from");
  const live = useLive(from && path`/exports/${from}`);
  const segment = query.get("segment");
  const draft = { ...EMPTY, segments: segment ? [segment] : [] };
  if (!from) return html`<${Editor} title=${t.exports.add} initial=${draft} />`;
  const copied = live.data
    && { ...EMPTY, ...documentOf(live.data, EXPORT_KEYS), display_name: t.editor.copyOf(live.data.display_name),
      list_id: "" };
  return html`<${Shown}
    live=${live}>${() => html`<${Editor} title=${t.exports.duplicate} initial=${copied} changed=${true} />`}<//>`;
}

export function EditExport({ id }) {
  const live = useLive(path`/exports/${id}`);
  // What the edit began with stays, whatever arrives later.
  const [began, setBegan] = useState(null);
  useEffect(() => {
    if (live.data && !began) setBegan({ element: live.data, etag: live.etag });
  }, [live.data]);
  if (!began) return html`<${Shown} live=${live}>${() => null}<//>`;
  const initial = { ...EMPTY, ...documentOf(began.element, EXPORT_KEYS) };
  return html`<${Editor} key=${began.etag} id=${id} etag=${began.etag}
    title=${t.editor.editing(began.element.display_name)} initial=${initial} members=${began.element.members}
    onTheirs=${(element, etag) => setBegan({ element, etag })} />`;
}

/** `members`: whom the export has put on its list already. */
function Editor({ id, etag, title, initial, members, onTheirs }) {
  const me = useMe();
  const [draft, setDraft] = useState(initial);
  const [name, setName] = useState(id ?? null);
  const [tried, setTried] = useState(false);
  const action = useAction();
  const columns = useColumns(draft.segments);
  const missing = useMemo(() => whatIsMissing(draft), [draft]);
  const exportId = id ?? name ?? slug(draft.display_name);
  // `quiet`: the page itself fills something in, and nobody would miss it.
  const set = (part, quiet) => {
    setDraft((last) => ({ ...last, ...part }));
    if (!quiet) leaving.ask = () => t.leave;
  };
  useEffect(() => {
    const stay = (event) => leaving.ask && event.preventDefault();
    addEventListener("beforeunload", stay);
    return () => removeEventListener("beforeunload", stay);
  }, []);
  const store = (over) => action.run(async () => {
    await call("PUT", path`/exports/${exportId}`,
      { body: cleaned(draft), ...(id ? { ifMatch: over || etag } : { create: true }) });
    leaving.ask = null;
    announce(t.saved);
    go(`exports/${exportId}`);
  });
  const save = (event) => {
    event.preventDefault();
    setTried(true);
    const first = STEPS.find((step) => missing[step]);
    if (first) document.getElementById(`step-${first}`).scrollIntoView({ block: "start" });
    if (first) announce(missing[first]);
    else store();
  };
  const said = (field) =>
    action.problem?.errors.find((each) => each.field === field || each.field?.startsWith(`${field}.`))?.detail;
  const own = draft.list_id === initial.list_id ? members || 0 : 0;
  const given = { draft, set, said, columns, me, own };
  const step = (name, body) =>
    html`<${Step} name=${name} number=${STEPS.indexOf(name) + 1} missing=${missing[name]} tried=${tried}>${body}<//>`;
  return html`<${Page} title=${title}
    back=${id ? { href: `#/exports/${id}`, text: initial.display_name } : { href: "#/exports", text: t.nav.exports }}
    lead=${t.editor.lead}>
    <form class="editor" onSubmit=${save} novalidate>
      <nav class="stepper"
        aria-label=${t.editor.steps}><ol>${STEPS.map((each, i) => html`<li class=${missing[each] ? "" : "done"}>
          <a href=${`#step-${each}`}
            onClick=${jump}><span class="mark" aria-hidden="true">${missing[each] ? i + 1 : html`<${Icon} name="ok" />`}
            </span>${t.editor[each].title}${!missing[each] && html`<span class="sr"> ${t.done}</span>`}</a></li>`)}
        </ol></nav>
      <div class="editor-steps">
        ${step("where", html`
          <${Field} id="name" label=${t.exports.name} hint=${t.editor.nameHint(exportId)}
            problem=${said("display_name")}>
            ${(ids) => html`<${Text} value=${draft.display_name} onValue=${(display_name) => set({ display_name })}
              maxlength="100" ...${ids} />`}<//>
          <${Destination} ...${given} />
          ${!id && action.problem?.status === 412
            && html`<${Field} id="id" label=${t.connections.id}
              problem=${t.exists}>${(ids) => html`<${Text} value=${exportId} onValue=${setName} ...${ids} />`}<//>`}`)}
        ${step("who", html`<${SegmentChoice} ...${given} />`)}
        ${step("what", html`<${Matching} ...${given} />`)}
        ${step("rules", html`<${Rules} ...${given} />`)}
        ${step("when", html`<${When} ...${given} />`)}
        ${id && action.problem?.status === 412
          ? html`<${Conflict} path=${path`/exports/${id}`} base=${initial} keys=${EXPORT_KEYS} onReload=${onTheirs}
            onKeep=${store} />`
          : html`<${Trouble} problem=${action.problem} />`}
        ${tried && Object.keys(missing).length > 0
          && html`<${Notice} tone="warn"
            title=${t.editor.incomplete}>
            <ul>${Object.entries(missing).map(([each, text]) =>
              html`<li><a href=${`#step-${each}`} onClick=${jump}>${t.editor[each].title}</a>: ${text}</li>`)}</ul><//>`}
        <div class="save-bar"><p>${t.editor.doesNotRun}</p>
          <${Button} href=${id ? `#/exports/${id}` : "#/exports"}>${t.cancel}<//>
          <button class="button primary" type="submit" disabled=${action.busy}>${t.save}</button></div>
      </div>
    </form>
  <//>`;
}

function Step({ name, number, missing, tried, children }) {
  return html`<section class="card step" id=${`step-${name}`} tabindex="-1" aria-labelledby=${`title-${name}`}>
    <h2 id=${`title-${name}`}><span class="mark" aria-hidden="true">${missing ? number : html`<${Icon} name="ok" />`}
    </span>${t.editor[name].title}</h2>
    <p class="muted">${t.editor[name].text}</p>
    ${children}
    ${tried && missing && html`<p class="wrong-text"><${Icon} name="warn" />${missing}</p>`}
  </section>`;
}

/** The address holds the page, so a step is gone to by hand. */
function jump(event) {
  event.preventDefault();
  const step = document.getElementById(event.currentTarget.getAttribute("href").slice(1));
  step.scrollIntoView({ block: "start" });
  step.focus({ preventScroll: true });
}

/** What each step still lacks, in a sentence; steps that lack nothing are left out. */
function whatIsMissing(draft) {
  const missing = {};
  if (!draft.display_name.trim()) missing.where = t.editor.where.noName;
  else if (draft.connection && !draft.list_id) missing.where = t.editor.where.noList;
  else if (!draft.connection && !draft.list_id) missing.where = t.editor.where.noConnection;
  if (!draft.segments.length) missing.who = t.editor.who.none;
  if (!draft.mapping.email) missing.what = t.editor.what.noEmail;
  else if (Object.entries(draft.mapping.custom_fields
    || {}).some((pair) => !pair.every(Boolean))) missing.what = t.editor.what.incomplete;
  if (Object.entries(draft.only_where).some(([column, values]) => !column
    || !values.length)) missing.rules = t.editor.rules.noValues;
  else if (draft.max_profiles === null || draft.max_shrink_percent === null) missing.rules = t.editor.rules.noNumber;
  if (!draft.schedule.trim()) missing.when = t.editor.when.none;
  return missing;
}

/** The draft as a document: fields that nobody mapped are left out. */
function cleaned(draft) {
  const mapping = Object.fromEntries(Object.entries(draft.mapping).filter(([, column]) => column));
  return { ...draft, mapping };
}
