// Step 2 of an export: the segments whose union becomes the list.

import { html } from "./preact-htm.js";
import { CALM, useLive } from "./live.js";
import { bytes } from "./format.js";
import { Notice, Shown, Time } from "./parts.js";
import { rowsOf } from "./segments.js";
import { t } from "./strings.js";

export function SegmentChoice({ draft, set, said }) {
  const live = useLive("/segments", () => CALM);
  const toggle = (name, on) =>
    set({ segments: on ? [...draft.segments, name] : draft.segments.filter((each) => each !== name) });
  return html`<${Shown} live=${live}>${(data) => {
    const gone = draft.segments.filter((name) => !data.segments.some((each) => each.name === name));
    return html`
      ${data.segments.length === 0 && html`<${Notice} tone="warn">${t.editor.who.nothing}<//>`}
      ${said("segments") && html`<p class="wrong-text">${said("segments")}</p>`}
      <fieldset class="choices"><legend class="sr">${t.nav.segments}</legend>
        ${data.segments.map((each, i) => html`<label class="choice" key=${each.name}>
          <input type="checkbox" checked=${draft.segments.includes(each.name)}
            disabled=${each.state !== "complete" && !draft.segments.includes(each.name)}
            onChange=${(event) => toggle(each.name, event.target.checked)} aria-describedby=${`segment-${i}`} />
          <span class="choice-name">${each.name}</span>
          <span class="muted"
            id=${`segment-${i}`}>
            ${each.state === "complete"
              ? html`${rowsOf(each)} · ${bytes(each.bytes)} · ${t.segments.produced} <${Time} iso=${each.produced_at} />`
              : each.reason || t.states.incomplete}</span>
        </label>`)}
        ${gone.map((name) =>
          html`<label class="choice"
            key=${name}><input type="checkbox" checked onChange=${() => toggle(name, false)} />
            <span class="choice-name">${name}</span><span class="wrong-text">${t.editor.who.gone}</span></label>`)}
      </fieldset>
      ${draft.segments.length > 1 && html`<p class="hint">${t.editor.who.union}</p>`}`;
  }}<//>`;
}
