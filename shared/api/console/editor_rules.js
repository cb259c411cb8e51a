// Step 4 of an export: who is left out, who is taken off the list, and when a run rather does nothing.

import { html, useState } from "./preact-htm.js";
import { useLive } from "./live.js";
import { Button, Check, Field, Icon, Notice, Select } from "./parts.js";
import { columnChoices } from "./editor_mapping.js";
import { t } from "./strings.js";

export function Rules({ draft, set, said, columns }) {
  const whole = (event) => (event.target.value === "" ? null : Number(event.target.value));
  return html`
    <${OnlyWhere} draft=${draft} set=${set} columns=${columns.columns} problem=${said("only_where")} />
    <fieldset class="rows"><legend>${t.editor.rules.removal}</legend>
      <${Check} type="radio" name="removal" id="leavers" label=${t.editor.rules.leavers}
        hint=${t.editor.rules.leaversText} checked=${draft.removal === "leavers"}
        onValue=${() => set({ removal: "leavers" })} />
      <${Check} type="radio" name="removal" id="keep" label=${t.editor.rules.keep} hint=${t.editor.rules.keepText}
        checked=${draft.removal === "none"} onValue=${() => set({ removal: "none" })} />
    </fieldset>
    <fieldset class="rows"><legend>${t.editor.rules.guards}</legend><p class="hint">${t.editor.rules.guardsText}</p>
      <div class="grid">
        <${Field} id="most" label=${t.editor.rules.most} hint=${t.editor.rules.mostText(draft.max_profiles)}
          problem=${said("max_profiles")}>
          ${(ids) => html`<input type="number" min="1" value=${draft.max_profiles}
            onInput=${(event) => set({ max_profiles: whole(event) })} ...${ids} />`}<//>
        <${Field} id="shrink" label=${t.editor.rules.shrink} hint=${t.editor.rules.shrinkText(draft.max_shrink_percent)}
          problem=${said("max_shrink_percent")}>
          ${(ids) => html`<input type="number" min="0" max="100" value=${draft.max_shrink_percent}
            onInput=${(event) => set({ max_shrink_percent: whole(event) })} ...${ids} />`}<//>
      </div>
      <${Check} id="clear" label=${t.editor.rules.clear} hint=${t.editor.rules.clearText} checked=${draft.clear_empty}
        onValue=${(clear_empty) => set({ clear_empty })} />
    </fieldset>
    <${Delivery} draft=${draft} set=${set} />`;
}

/** By requests or as a file; the latter goes to another place. */
function Delivery({ draft, set }) {
  const live = useLive("/connections");
  const connection = live.data?.connections.find((each) => each.id === draft.connection);
  return html`<fieldset class="rows"><legend>${t.editor.rules.delivery}</legend>
    <p class="hint">${t.editor.rules.deliveryText}</p>
    ${Object.entries(t.editor.rules.deliveries).map(([way, [label, hint]]) => html`
      <${Check} type="radio" name="delivery" id=${`delivery-${way}`} label=${label} hint=${hint}
        checked=${draft.delivery === way} onValue=${() => set({ delivery: way })} />`)}
    ${draft.delivery === "import" && connection?.region === "eu"
      && html`<${Notice} tone="warn">${t.editor.rules.leavesEU}<//>`}
  </fieldset>`;
}

/** Conditions on columns; values are texts as the file has them, one a line. */
function OnlyWhere({ draft, set, columns, problem }) {
  const [rows, setRows] = useState(Object.entries(draft.only_where));
  const change = (next) => {
    setRows(next);
    set({ only_where: Object.fromEntries(next) });
  };
  const put = (i, row) => change(rows.map((each, j) => (j === i ? row : each)));
  return html`<fieldset
    class="rows"><legend>${t.editor.rules.onlyWhere}</legend><p class="hint">${t.editor.rules.onlyWhereText}</p>
    ${rows.map(([column, values], i) => html`<div class="row">
      <${Select} aria-label=${t.editor.rules.column(i + 1)} value=${column}
        options=${columnChoices(columns, column, t.editor.what.choose)} onValue=${(name) => put(i, [name, values])} />
      <span>${t.editor.rules.is}</span>
      <textarea rows="2" aria-label=${t.editor.rules.values(i + 1)} placeholder=${t.editor.rules.valuesHint}
        value=${values.join("\n")}
        onInput=${(event) => put(i, [column, event.target.value === "" ? [] : event.target.value.split("\n")])}>
      </textarea>
      <${Button} kind="quiet" aria-label=${t.editor.rules.drop(column || i + 1)}
        onClick=${() => change(rows.filter((_, j) => j !== i))}>${t.remove}<//>
    </div>`)}
    ${problem && html`<p class="wrong-text"><${Icon} name="warn" />${problem}</p>`}
    <${Button} onClick=${() => change([...rows, ["", []]])}>${t.editor.rules.add}<//>
  </fieldset>`;
}
