// Step 3 of an export: which column fills which field, with suggestions, and five contacts as SendGrid would get them.

import { html, useEffect, useState } from "./preact-htm.js";
import { call, path } from "./api.js";
import { useLive } from "./live.js";
import { number } from "./format.js";
import { Button, Check, Field, Icon, Notice, Select, Table, Text, Trouble } from "./parts.js";
import { FIELD_LABELS, LABEL_LANGUAGES, t } from "./strings.js";

const FIELDS = ["email", "first_name", "last_name", "country", "state_province_region", "city", "postal_code"];
const SETTLE = 600; // milliseconds without a change before the sample is asked for

/** The columns of all these segments: [{name, sample, absent: segments without it}], what is suggested, and trouble. */
export function useColumns(segments) {
  const [found, setFound] = useState({ columns: [], suggestions: {}, loading: false });
  const names = JSON.stringify(segments);
  useEffect(() => {
    if (!segments.length) {
      setFound({ columns: [], suggestions: {}, loading: false });
      return undefined;
    }
    const stop = new AbortController();
    setFound((last) => ({ ...last, loading: true, problem: null }));
    Promise.all(segments.map((name) => call("GET", path`/segments/${name}/columns`, { signal: stop.signal })))
      .then((answers) => setFound({ ...joined(segments, answers.map(({ data }) => data)), loading: false }))
      .catch((problem) => stop.signal.aborted || setFound({ columns: [], suggestions: {}, loading: false, problem }));
    return () => stop.abort();
  }, [names]);
  return found;
}

function joined(segments, answers) {
  const columns = new Map();
  answers.forEach((answer, i) => answer.columns.forEach((column) => {
    const known = columns.get(column.name.toLowerCase()) || { ...column, in: [] };
    known.in.push(segments[i]);
    columns.set(column.name.toLowerCase(), known);
  }));
  const all = [...columns.values()].map((column) =>
    ({ ...column, absent: segments.filter((each) => !column.in.includes(each)) }));
  return { columns: all, suggestions: answers[0].suggestions || {} };
}

/** The choices of a column; one that is in the draft but in no file is still among them. */
export function columnChoices(columns, chosen, none) {
  const choices = [["", none], ...columns.map((each) => [each.name, each.name])];
  if (chosen && !columns.some((each) => each.name === chosen)) choices.push([chosen, chosen]);
  return choices;
}

export function columnNote(columns, chosen) {
  const column = chosen && columns.find((each) => each.name.toLowerCase() === chosen.toLowerCase());
  if (!chosen) return null;
  if (!column) return columns.length ? t.editor.what.noColumn : null;
  if (column.absent.length) return t.editor.what.absent(column.absent.join(", "));
  return (column.sample || []).filter(Boolean).length
    ? t.editor.what.sample(column.sample.filter(Boolean).slice(0, 3).join(" · ")) : null;
}

function mother() {
  return LABEL_LANGUAGES.map(([code]) => code).find((code) =>
    navigator.languages.some((each) => each.toLowerCase().startsWith(code.toLowerCase()))) || "";
}

export function Matching({ draft, set, said, columns }) {
  const [language, setLanguage] = useState(mother);
  const { mapping } = draft;
  const fields = useLive(draft.connection && path`/connections/${draft.connection}/fields`);
  const setMapping = (part, quiet) => set({ mapping: { ...mapping, ...part } }, quiet);
  useEffect(() => {
    if (!mapping.email && Object.values(columns.suggestions).some(Boolean)) {
      const free = ([field, column]) => FIELDS.includes(field) && column && !mapping[field];
      setMapping(kept(columns.suggestions, free), true);
    }
  }, [columns.suggestions]);
  if (!draft.segments.length) return html`<p class="muted">${t.editor.what.first}</p>`;
  return html`
    <${Trouble} problem=${columns.problem} />
    ${columns.loading && html`<p class="muted" role="status">${t.editor.what.reading}</p>`}
    <div class="inline-field"><label for="labels">${t.editor.what.language}</label>
      <${Select} id="labels" value=${language} options=${[["", "English"], ...LABEL_LANGUAGES]}
        onValue=${setLanguage} /></div>
    <div class="grid">
      ${FIELDS.map((field) =>
        html`<${Match} key=${field} field=${field} language=${language} columns=${columns} column=${mapping[field]}
          problem=${said(`mapping.${field}`)} onValue=${(column) => setMapping({ [field]: column })} />`)}</div>
    <${CustomFields} draft=${draft} known=${fields.data} columns=${columns.columns} setMapping=${setMapping} set=${set}
      problem=${said("mapping.custom_fields")} />
    ${mapping.email && html`<${Sample} draft=${draft} known=${fields.data} />`}`;
}

function Match({ field, language, columns, column, problem, onValue }) {
  const suggested = column && columns.suggestions[field] === column;
  const also = language && { lang: language, text: FIELD_LABELS[language][field] };
  const note = columnNote(columns.columns, column);
  return html`<${Field} id=${`match-${field}`} label=${FIELD_LABELS.en[field]} also=${also}
    optional=${field !== "email"} problem=${problem}
    hint=${html`${suggested && html`<span class="tag">${t.editor.what.suggested}</span> `}${note}`}>
    ${(ids) => html`<${Select} value=${column || ""}
      options=${columnChoices(columns.columns, column, field === "email" ? t.editor.what.choose : t.editor.what.none)}
      onValue=${onValue} ...${ids} />`}<//>`;
}

function CustomFields({ draft, known, columns, setMapping, set, problem }) {
  const [rows, setRows] = useState(Object.entries(draft.mapping.custom_fields || {}));
  const fields = (known?.fields || []).filter((each) => !each.reserved);
  const change = (next) => {
    setRows(next);
    setMapping({ custom_fields: Object.fromEntries(next) });
  };
  const put = (i, row) => change(rows.map((each, j) => (j === i ? row : each)));
  const strange = rows.some(([field]) => field && known
    && !fields.some((each) => each.name.toLowerCase() === field.toLowerCase()));
  return html`<fieldset class="rows"><legend>${t.editor.what.custom}</legend>
    <datalist id="fields">
      ${fields.map((each) => html`<option key=${each.id || each.name} value=${each.name}>${each.type}</option>`)}
    </datalist>
    ${rows.map(([field, column], i) => html`<div class="row">
      <${Text} list="fields" value=${field} placeholder=${t.editor.what.fieldName}
        aria-label=${t.editor.what.fieldNumber(i + 1)} onValue=${(name) => put(i, [name, column])} />
      <span aria-hidden="true">←</span>
      <${Select} value=${column} options=${columnChoices(columns, column, t.editor.what.choose)}
        aria-label=${t.editor.what.columnNumber(i + 1)} onValue=${(name) => put(i, [field, name])} />
      <${Button} kind="quiet" aria-label=${t.editor.what.dropField(field || i + 1)}
        onClick=${() => change(rows.filter((_, j) => j !== i))}>${t.remove}<//>
      ${field && html`<p class="hint">${typeOf(fields, field, known, draft.create_missing_fields)}</p>`}
    </div>`)}
    ${problem && html`<p class="wrong-text"><${Icon} name="warn" />${problem}</p>`}
    <${Button} onClick=${() => setRows([...rows, ["", ""]])}>${t.editor.what.addField}<//>
    ${(strange || draft.create_missing_fields)
      && html`<${Check} id="create" label=${t.editor.what.create} hint=${t.editor.what.createHint}
        checked=${draft.create_missing_fields} onValue=${(create_missing_fields) => set({ create_missing_fields })} />`}
  </fieldset>`;
}

function typeOf(fields, name, known, creates) {
  const found = fields.find((each) => each.name.toLowerCase() === name.toLowerCase());
  if (found) return t.editor.what.type(found.type);
  if (!known) return null;
  return creates ? t.editor.what.willBeCreated : t.editor.what.notThere;
}

function kept(object, wanted) {
  return Object.fromEntries(Object.entries(object || {}).filter(wanted));
}

/** Five contacts of the first segment, masked by the server, as SendGrid would get them. */
function Sample({ draft, known }) {
  const [segment, setSegment] = useState(draft.segments[0]);
  const [shown, setShown] = useState(null);
  const name = draft.segments.includes(segment) ? segment : draft.segments[0];
  const { custom_fields: custom, ...standard } = draft.mapping;
  const wish = JSON.stringify({
    mapping: { ...kept(standard, ([, column]) => column), custom_fields: kept(custom, (pair) => pair.every(Boolean)) },
    only_where: kept(draft.only_where, ([column, values]) => column && values.length),
    clear_empty: draft.clear_empty,
    connection: draft.connection,
  });
  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(() => {
      call("POST", path`/segments/${name}/preview`, { body: JSON.parse(wish), signal: stop.signal })
        .then(({ data }) => setShown({ data }))
        .catch((problem) => stop.signal.aborted || setShown({ problem }));
    }, SETTLE);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [name, wish]);
  const contacts = (shown?.data?.contacts || []).map(({ custom_fields, ...rest }) => ({ ...rest, ...custom_fields }));
  const fields = [...new Set(contacts.flatMap((contact) => Object.keys(contact)))];
  // A custom field goes by its id to SendGrid, and by its name to people.
  const called = (field) => FIELD_LABELS.en[field] || known?.fields.find((each) => each.id === field)?.name || field;
  const problems = Object.entries(shown?.data?.problems || {}).filter(([, count]) => count);
  return html`<div class="sample" aria-live="polite"><div class="card-head"><h3>${t.editor.what.sampleTitle}</h3>
    ${draft.segments.length > 1
      && html`<${Select} aria-label=${t.segments.name} value=${name}
        options=${draft.segments.map((each) => [each, each])} onValue=${setSegment} />`}</div>
    <p class="hint">${t.editor.what.sampleText}</p>
    ${!shown && html`<p class="muted">${t.loading}</p>`}
    <${Trouble} problem=${shown?.problem} />
    ${shown?.data && (contacts.length
      ? html`<${Table} label=${t.editor.what.sampleTitle}
        columns=${fields.map((field) => [called(field)])}
        rows=${contacts.map((each, i) => ({ key: i, cells: fields.map((field) => String(each[field] ?? "–")) }))} />`
      : html`<${Notice} tone="warn">${t.editor.what.noContacts}<//>`)}
    ${shown?.data && problems.length > 0
      && html`<p class="hint">
        ${t.editor.what.looked(shown.data.rows_looked_at)} ${problems.map(([code, count]) =>
          `${number(count)} ${t.counted(code, count)}`).join(", ")}</p>`}
  </div>`;
}
