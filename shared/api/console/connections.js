// The connections: SendGrid accounts, whether they may be used, and by what they are.

import { html } from "./preact-htm.js";
import { useMe } from "./app.js";
import { CALM, useLive } from "./live.js";
import { Badge, Button, Empty, Page, Shown, Table } from "./parts.js";
import { changeOf, Invalid } from "./states.js";
import { t } from "./strings.js";

export function Connections() {
  const me = useMe();
  const live = useLive("/connections", () => CALM);
  const admin = me.may("administrator");
  const add = admin && html`<${Button} kind="primary" href="#/connections/new">${t.connections.add}<//>`;
  return html`<${Page} title=${t.nav.connections} lead=${t.connections.lead}
    actions=${live.data?.connections.length > 0 && add}>
    <${Shown} live=${live}>${(data) => html`
      <${Invalid} documents=${data.invalid} />
      ${data.connections.length === 0
        ? html`<${Empty} title=${t.connections.none}
          action=${add}>${admin ? t.connections.noneText : t.connections.noneShared}<//>`
        : admin ? html`<${Whole} connections=${data.connections} />`
          : html`<${Names} connections=${data.connections} />`}`}
    <//>
  <//>`;
}

function Whole({ connections }) {
  const columns = [[t.connections.name], [t.connections.consent], [t.connections.region], [t.connections.roles],
    [t.connections.usedBy], [t.changed]];
  const rows = connections.map((each) => ({
    key: each.id,
    cells: [
      html`<a href=${`#/connections/${each.id}`}><strong>${each.display_name}</strong></a>
        <div class="muted">${each.type} · ${each.api_key_secret}</div>`,
      html`<${Badge} state=${each.consent ? "agreed" : "missing"}
        text=${each.consent ? t.consent.agreed : t.consent.missing} />`,
      t.regions[each.region] || each.region,
      (each.allowed_roles || []).map((role) => t.connections.role[role] || role).join(", "),
      t.connections.exports(each.used_by.length),
      changeOf(each),
    ],
  }));
  return html`<${Table} label=${t.nav.connections} columns=${columns} rows=${rows} />`;
}

/** What people see who may use a connection, and no more. */
function Names({ connections }) {
  const columns = [[t.connections.name], [t.connections.type], [t.connections.permission]];
  const rows = connections.map((each) => ({
    key: each.id,
    cells: [html`<strong>${each.display_name}</strong>`, each.type, t.permissions[each.permission]],
  }));
  return html`<${Table} label=${t.nav.connections} columns=${columns} rows=${rows} />`;
}
