// Somebody else saved in the meantime: what they changed, and the choice. Nothing is overwritten unseen.

import { html } from "./preact-htm.js";
import { useLive } from "./live.js";
import { Button, Notice, Shown, Time } from "./parts.js";
import { t } from "./strings.js";

const told = (value) =>
  (value === null || value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value));
const same = (one, other) => JSON.stringify(one ?? null) === JSON.stringify(other ?? null);

/** `base`: what the edit began with. `onReload` takes theirs, `onKeep` (if any) saves ours over it. */
export function Conflict({ path, base, keys, onReload, onKeep }) {
  const live = useLive(path);
  const different = live.data ? keys.filter((name) => !same(base[name], live.data[name])) : [];
  return html`<${Notice} tone="bad" title=${t.conflict.title}>
    <${Shown} live=${live}>${(theirs) => html`
      <p>${theirs.updated_by ? t.conflict.saved(theirs.updated_by) : t.conflict.elsewhere},${" "}
        <${Time} iso=${theirs.updated_at} />. ${different.length ? t.conflict.what : t.conflict.nothing}</p>
      <ul>${different.map((name) =>
        html`<li><strong>${t.keys[name] || name}</strong>: ${told(base[name])} → ${told(theirs[name])}</li>`)}</ul>
      <div class="actions">
        <${Button} kind="primary" onClick=${() => onReload(theirs, live.etag)}>${t.conflict.reload}<//>
        ${onKeep && html`<${Button} onClick=${() => onKeep(live.etag)}>${t.conflict.keep}<//>`}</div>`}
    <//>
  <//>`;
}
