// The first start: an organization and its first administrator, made by the operator. As `actarium setup` does it, it may be
// done again: what is there is not changed.
import { body, operatorClient } from "../api/client";
import { ApiProblem } from "../api/problem";

/** The group whose members may do everything. */
const ADMINISTRATORS = "admin";

export type Setup = { token: string; organization: string; slug: string; name: string; email: string; password: string };

/** What is wrong, at which field of the form if it is about one. */
export class SetupProblem extends Error {
  readonly fields: Partial<Record<keyof Setup, string>>;
  constructor(message: string, fields: Partial<Record<keyof Setup, string>> = {}) {
    super(message);
    this.fields = fields;
  }
}

/** A slug of a name: what the address of the organization's pages may be. */
export function slugOf(name: string): string {
  return name.normalize("NFKD").toLowerCase().replace(/\p{M}/gu, "").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 63).replace(/-+$/, "");
}

/** Says the API's problem at the form's fields. */
function told(error: unknown, fieldOf: Record<string, keyof Setup>): unknown {
  if (!(error instanceof ApiProblem)) return error;
  if (error.status === 401) return new SetupProblem("", { token: "It is not this service’s token. It stands in the file operator.token of its data folder." });
  const fields: Partial<Record<keyof Setup, string>> = {};
  for (const { pointer, detail } of error.errors) {
    const field = fieldOf[pointer ?? ""];
    if (field) fields[field] = detail;
  }
  return new SetupProblem(Object.keys(fields).length > 0 ? "" : error.message, fields);
}

/** Makes what is missing. Whether the organization was there before is in the answer. */
export async function setUp(wanted: Setup): Promise<{ organizationWasThere: boolean }> {
  const client = operatorClient(wanted.token.trim());
  const path = { org: wanted.slug };
  let organizationWasThere = true;
  try {
    await body(client.GET("/v1/orgs/{org}", { params: { path } })).catch(async (error: unknown) => {
      if (!(error instanceof ApiProblem) || error.status !== 404) throw error;
      organizationWasThere = false;
      await body(client.POST("/v1/orgs", { body: { slug: wanted.slug, name: wanted.organization } }));
    });
  } catch (error) {
    throw told(error, { "/slug": "slug", "/name": "organization" });
  }
  try {
    const { email, name, password } = wanted;
    await body(client.POST("/v1/orgs/{org}/users", { params: { path }, body: { email, name, password, groups: [ADMINISTRATORS] } }));
  } catch (error) {
    throw told(error, { "/email": "email", "/name": "name", "/password": "password" });
  }
  return { organizationWasThere };
}
