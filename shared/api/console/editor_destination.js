// Step 1 of an export: the connection, and one of its lists by name.

import { html, useEffect } from "./preact-htm.js";
import { path } from "./api.js";
import { useLive } from "./live.js";
import { Button, Field, Notice, Select, Shown, Trouble } from "./parts.js";
import { t } from "./strings.js";

/** `own`: how many on the list are there by this export. */
export function Destination({ draft, set, said, me, own }) {
  const live = useLive("/connections");
  const usable = (live.data?.connections || []).filter((each) => each.permission !== "none");
  const lists = useLive(draft.connection && path`/connections/${draft.connection}/lists`);
  useEffect(() => {
    if (!draft.connection && !draft.list_id && usable.length === 1) set({ connection: usable[0].id }, true);
  }, [usable.length]);
  const hidden = draft.connection && !usable.some((each) => each.id === draft.connection);
  const choices = [["", t.editor.where.choose], ...usable.map((each) => [each.id, each.display_name])];
  if (hidden) choices.push([draft.connection, draft.connection]);
  return html`<${Shown} live=${live}>${() => html`
    ${usable.length === 0
      && html`<${Notice}
        tone="warn"><p>${t.editor.where.noConnections}</p>
        ${me.may("administrator") && html`<${Button} href="#/connections/new">${t.connections.add}<//>`}<//>`}
    <${Field} id="connection" label=${t.exports.connection} hint=${t.editor.where.connectionHint}
      problem=${said("connection")}>
      ${(ids) => html`<${Select} value=${draft.connection || ""} options=${choices}
        onValue=${(id) => set({ connection: id || null, list_id: "" })} ...${ids} />`}<//>
    ${draft.connection && html`<${Lists} lists=${lists} draft=${draft} set=${set} own=${own}
      problem=${said("list_id")} />`}`}
  <//>`;
}

function Lists({ lists, draft, set, own, problem }) {
  const found = lists.data?.lists || [];
  const choices = [["", lists.loading ? t.loading : t.editor.where.chooseList],
    ...found.map((each) => [each.id, t.editor.where.list(each.name, each.contact_count)])];
  if (draft.list_id && !found.some((each) => each.id === draft.list_id)) choices.push([draft.list_id, draft.list_id]);
  const chosen = found.find((each) => each.id === draft.list_id);
  return html`
    <${Field} id="list" label=${t.exports.list} hint=${t.editor.where.listHint}
      problem=${problem}>
      ${(ids) => html`<${Select} value=${draft.list_id} options=${choices} disabled=${lists.loading}
        onValue=${(list_id) => set({ list_id })} ...${ids} />`}<//>
    ${lists.data && found.length === 0
      && html`<${Notice}
        tone="warn"><p>${t.editor.where.noLists}</p><${Button} onClick=${lists.reload}>${t.again}<//><//>`}
    <${Trouble} problem=${lists.problem} retry=${lists.reload} />
    ${chosen?.contact_count > own
      && html`<p class="hint">${t.editor.where.others(chosen.contact_count - own)}</p>`}`;
}
