// The pieces that pages are made of. Everything shown goes in as text; nothing here makes HTML of it.

import { html, useEffect, useRef, useState } from "./preact-htm.js";
import { useNow } from "./live.js";
import { ago, moment, momentInFull, number } from "./format.js";
import { t } from "./strings.js";

const ICONS = {
  overview: "M4 13h6V4H4zM14 20h6V11h-6zM14 4v3h6V4zM4 20h6v-3H4z",
  exports: "M4 6h9M4 12h6M4 18h9M14 12h7m-4-4 4 4-4 4",
  segments: "M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM2 21c0-4 3-7 7-7s7 3 7 7M16 4a4 4 0 0 1 0 7M18 14c2.500 1 4 3.500 4 7",
  connections: "M9 15l6-6M8 11l-3 3a4 4 0 0 0 6 6l3-3M16 13l3-3a4 4 0 0 0-6-6l-3 3",
  history: "M4 20V10M10 20V4M16 20v-8M22 20H2",
  ok: "M5 13l4 4L19 7",
  warn: "M12 3 2 20h20zM12 10v4M12 17v.5",
  bad: "M6 6l12 12M18 6 6 18",
  skipped: "M5 5v14l8-7zM17 5v14",
  running: "M12 3a9 9 0 1 1-9 9",
  waiting: "M12 7v5l3 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
  paused: "M8 5v14M16 5v14",
  idle: "M5 12h14",
  info: "M12 11v6M12 7v.5M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
};

const STATES = {
  queued: ["waiting", "calm"],
  processing: ["running", "live"],
  successful: ["ok", "ok"],
  completed_with_warnings: ["warn", "warn"],
  failed: ["bad", "bad"],
  skipped: ["skipped", "warn"],
  canceled: ["idle", "calm"],
  paused: ["paused", "calm"],
  never: ["idle", "calm"],
  detached: ["warn", "warn"],
  removing: ["running", "live"],
  complete: ["ok", "ok"],
  completed: ["ok", "ok"],
  incomplete: ["waiting", "warn"],
  agreed: ["ok", "ok"],
  missing: ["warn", "warn"],
};

export function Icon({ name, class: more = "" }) {
  return html`<svg class=${`icon ${more}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    <path d=${ICONS[name]} /></svg>`;
}

/** A state, told by icon, colour and word; `text` instead of its usual word. */
export function Badge({ state, text }) {
  const [icon, tone] = STATES[state] || ["info", "calm"];
  return html`<span
    class=${`badge ${tone}`}><${Icon} name=${icon} class=${icon === "running" ? "spin" : ""} />
    ${text || t.states[state] || state}</span>`;
}

/** A page: its heading has the focus when one comes to it, and the window's title follows. */
export function Page({ title, back, actions, lead, children }) {
  const heading = useRef();
  useEffect(() => {
    document.title = `${title} · ${t.product}`;
  }, [title]);
  useEffect(() => {
    scrollTo(0, 0);
    if (document.body.dataset.moved) heading.current?.focus();
    document.body.dataset.moved = "yes";
  }, []);
  return html`<div class="page">
    ${back && html`<a class="back" href=${back.href}>← ${back.text}</a>`}
    <header class="page-head">
      <div><h1 tabindex="-1" ref=${heading}>${title}</h1>${lead && html`<div class="lead">${lead}</div>`}</div>
      ${actions && html`<div class="actions">${actions}</div>`}
    </header>
    ${children}
  </div>`;
}

export function Card({ title, id, actions, children, class: more = "" }) {
  const label = title && (id || `card-${title.replace(/\W+/g, "-").toLowerCase()}`);
  return html`<section class=${`card ${more}`} aria-labelledby=${label}>
    ${title && html`<div
      class="card-head"><h2 id=${label}>${title}</h2>${actions && html`<div class="actions">${actions}</div>`}</div>`}
    ${children}
  </section>`;
}

/** `kind`: primary, quiet or danger. With `href` it is a link. */
export function Button({ kind = "", href, busy, children, ...rest }) {
  const look = `button ${kind}`;
  if (href) return html`<a class=${look} href=${href} ...${rest}>${children}</a>`;
  return html`<button type="button" class=${look} aria-busy=${busy ? "true" : undefined} ...${rest}
    disabled=${busy || rest.disabled}>${children}</button>`;
}

/** `tone`: info, ok, warn or bad. It is read out when it comes. */
export function Notice({ tone = "info", title, children }) {
  const icon = tone === "info" ? "info" : tone;
  return html`<div class=${`notice ${tone}`} role=${tone === "bad" ? "alert" : "status"}>
    <${Icon} name=${icon} /><div>${title && html`<strong>${title}</strong>`}${children}</div></div>`;
}

/** A problem of the API in words, with what to do about it, and what has to be asked again if it may pass. */
export function Trouble({ problem, retry }) {
  if (!problem) return null;
  const text = problem.message || t.problems[problem.status] || t.problems.other(problem.status);
  const title = problem.status === 0 ? t.problems.noAnswer : t.problems.titles[problem.status] || t.problems.title;
  return html`<${Notice} tone="bad" title=${title}>
    <p>${text}</p>${problem.advice && html`<p>${problem.advice}</p>`}
    ${problem.body.used_by
      && html`<p>${t.problems.usedBy}${" "}
        ${problem.body.used_by.map((id, i) => [i > 0 && ", ", html`<a href=${`#/exports/${id}`}>${id}</a>`])}</p>`}
    ${problem.errors.length > 1
      && html`<ul>${problem.errors.map((each) => html`<li>${each.field}: ${each.detail}</li>`)}</ul>`}
    ${retry && html`<${Button} onClick=${retry}>${t.again}<//>`}
  <//>`;
}

/** Live data: a placeholder first, a notice when it is out of date. `children` is a function of the data. */
export function Shown({ live, children }) {
  if (live.loading) return html`<div class="loading" role="status"><span class="sr">${t.loading}</span></div>`;
  const stale = live.problem && live.data !== undefined;
  return html`${live.problem && html`<${Trouble} problem=${live.problem} retry=${live.reload} />`}
    ${stale && html`<p class="muted">${t.stale}</p>`}
    ${live.data !== undefined && live.data !== null && children(live.data)}`;
}

export function Time({ iso, full }) {
  const now = useNow(15_000);
  if (!iso) return html`<span class="muted">–</span>`;
  return html`<time datetime=${iso}
    title=${momentInFull(iso)}>${full ? `${moment(iso)} (${ago(iso, now)})` : ago(iso, now)}</time>`;
}

/** A label with its control: `children` gets the ids to tie to it. `problem` is what the server said of the field. */
export function Field({ id, label, also, hint, problem, optional, children }) {
  const described = [hint && `${id}-hint`, problem && `${id}-problem`].filter(Boolean).join(" ") || undefined;
  return html`<div class=${`field ${problem ? "wrong" : ""}`}>
    <label for=${id}>${label}${also && html` <span class="also" lang=${also.lang}>${also.text}</span>`}
      ${optional && html` <span class="muted">${t.optional}</span>`}</label>
    ${children({ id, "aria-describedby": described, "aria-invalid": problem ? "true" : undefined })}
    ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
    ${problem && html`<p class="wrong-text" id=${`${id}-problem`}><${Icon} name="warn" />${problem}</p>`}
  </div>`;
}

export function Text({ value, onValue, ...rest }) {
  return html`<input type="text" value=${value ?? ""} onInput=${(event) => onValue(event.target.value)}
    autocomplete="off" spellcheck="false" ...${rest} />`;
}

/** `options`: [value, text] pairs. */
export function Select({ value, options, onValue, ...rest }) {
  return html`<select value=${value ?? ""} onChange=${(event) => onValue(event.target.value)} ...${rest}>
    ${options.map(([each, text, off]) =>
      html`<option key=${each} value=${each} disabled=${off} selected=${each === (value ?? "")}>${text}</option>`)}
  </select>`;
}

export function Check({ id, label, hint, checked, onValue, type = "checkbox", ...rest }) {
  return html`<div class="check">
    <input type=${type} id=${id} checked=${checked} onChange=${(event) => onValue(event.target.checked)}
      aria-describedby=${hint ? `${id}-hint` : undefined} ...${rest} />
    <div><label for=${id}>${label}</label>${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}</div>
  </div>`;
}

/** A question in front of the page. The browser keeps the focus in it and gives it back. */
export function Dialog({ title, onClose, children, actions }) {
  const box = useRef();
  useEffect(() => {
    const dialog = box.current;
    dialog.showModal();
    return () => dialog.close();
  }, []);
  return html`<dialog ref=${box} aria-labelledby="dialog-title"
    onCancel=${(event) => { event.preventDefault(); onClose(); }}>
    <h2 id="dialog-title">${title}</h2>${children}
    <div class="dialog-actions"><${Button} onClick=${onClose}>${t.cancel}<//>${actions}</div>
  </dialog>`;
}

/** Rarer actions behind one button: `items` are {text, onClick or href, danger, off}. */
export function Menu({ label, items }) {
  const box = useRef();
  useEffect(() => {
    const close = (event) => {
      const menu = box.current;
      if (!menu?.open || (event.type === "click" && menu.firstElementChild.contains(event.target))) return;
      if (event.type === "keydown" && event.key !== "Escape") return;
      if (event.type === "keydown") menu.firstElementChild.focus();
      menu.open = false;
    };
    document.addEventListener("click", close);
    document.addEventListener("keydown", close);
    return () => {
      document.removeEventListener("click", close);
      document.removeEventListener("keydown", close);
    };
  }, []);
  return html`<details class="menu" ref=${box}><summary class="button">${label}</summary>
    <div class="menu-items">${items.filter(Boolean).map((item) => item.href
      ? html`<a href=${item.href}>${item.text}</a>`
      : html`<button type="button" class=${item.danger ? "danger-text" : ""} disabled=${item.off}
          onClick=${item.onClick}>${item.text}</button>`)}</div>
  </details>`;
}

/** A command to run elsewhere, with a button that copies it. */
export function Command({ text, label }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return html`<div class="command"><pre aria-label=${label} role="group"><code>${text}</code></pre>
    ${navigator.clipboard && html`<${Button} onClick=${copy}>${copied ? t.copied : t.copy}<//>`}</div>`;
}

export function Facts({ items, wide }) {
  return html`<dl
    class=${wide ? "facts wide" : "facts"}>
    ${items.filter(Boolean).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** `columns`: [heading, class]; `rows`: {key, cells}. On a phone each cell tells its heading. */
export function Table({ label, columns, rows }) {
  return html`<div class="table" role="group" aria-label=${label} tabindex="0"><table>
    <thead><tr>${columns.map(([heading, look]) => html`<th scope="col" class=${look}>${heading}</th>`)}</tr></thead>
    <tbody>${rows.map((row) =>
      html`<tr key=${row.key}>
        ${row.cells.map((cell, i) => html`<td class=${columns[i][1]} data-heading=${columns[i][0]}>${cell}</td>`)}</tr>`)}
    </tbody>
  </table></div>`;
}

export function Empty({ title, children, action }) {
  return html`<div class="empty"><h2>${title}</h2><p>${children}</p>${action}</div>`;
}

/** What a run is at. The first batches go out while the rest of the plan is still being made: then it sends. */
export function phaseOf(run) {
  return run.phase === "prepare" && run.progress?.done > 0 ? "send" : run.phase;
}

/** How far a run has come. Without a total it only shows that there is work going on. */
export function Progress({ run }) {
  const { done, total } = run.progress || {};
  const label = t.run.progressLabel;
  const words = run.state === "queued" ? t.states.queued : t.phases[phaseOf(run)];
  return html`<div class="progress">
    ${total ? html`<progress aria-label=${label} max=${total} value=${done} />`
      : html`<progress aria-label=${label} />`}
    <div class="progress-words"><span>${words}</span>
      ${total > 0 && html`<span class="num">${number(done)} / ${number(total)}</span>`}</div>
  </div>`;
}
