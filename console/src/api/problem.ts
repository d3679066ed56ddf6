// Errors as the API gives them (RFC 9457), and what the console makes of those that are none of the API's. Pure.

export type ErrorItem = { detail: string; pointer?: string; index?: number };
export type Position = { line?: number; column?: number; offset?: number; length?: number };

/** What went wrong with a request. */
export class ApiProblem extends Error {
  readonly status: number;
  /** The last part of the problem's type: `forbidden`, `invalid-phrase`, …; `unreachable` without an answer. */
  readonly kind: string;
  readonly title: string;
  readonly detail: string;
  readonly errors: ErrorItem[];
  readonly position: Position | undefined;
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(of: {
    status: number;
    kind: string;
    title: string;
    detail: string;
    errors?: ErrorItem[] | undefined;
    position?: Position | undefined;
    requestId?: string | undefined;
    retryAfterSeconds?: number | undefined;
  }) {
    super(of.detail || of.title);
    this.name = "ApiProblem";
    this.status = of.status;
    this.kind = of.kind;
    this.title = of.title;
    this.detail = of.detail;
    this.errors = of.errors ?? [];
    this.position = of.position;
    this.requestId = of.requestId;
    this.retryAfterSeconds = of.retryAfterSeconds;
  }

  /** What is wrong with a field of the body that was sent, by its JSON Pointer; of a list, with the first line that is wrong. */
  of(pointer: string): string | undefined {
    const whole = this.errors.find((error) => error.pointer === pointer);
    if (whole) return whole.detail;
    const within = this.errors.find((error) => error.pointer?.startsWith(`${pointer}/`));
    const line = within?.pointer?.slice(pointer.length + 1) ?? "";
    return within && (/^\d+$/.test(line) ? `Line ${Number(line) + 1}: ${within.detail}` : within.detail);
  }
}

/** The problem that an answer tells. */
export async function problemOf(response: Response): Promise<ApiProblem> {
  const requestId = response.headers.get("x-request-id") ?? undefined;
  const after = Number(response.headers.get("retry-after"));
  const retryAfterSeconds = Number.isFinite(after) && after > 0 ? after : undefined;
  const body = (await response.json().catch(() => null)) as Record<string, unknown> | null;
  if (body && typeof body.type === "string" && typeof body.title === "string") {
    return new ApiProblem({
      status: response.status,
      kind: body.type.split("/").pop() ?? "",
      title: body.title,
      detail: typeof body.detail === "string" ? body.detail : "",
      errors: Array.isArray(body.errors) ? (body.errors as ErrorItem[]) : undefined,
      position: body.position as Position | undefined,
      requestId: requestId ?? (typeof body.instance === "string" ? body.instance : undefined),
      retryAfterSeconds,
    });
  }
  return new ApiProblem({
    status: response.status,
    kind: "unknown",
    title: "The server gave no usable answer",
    detail: `It answered with status ${response.status}.`,
    requestId,
    retryAfterSeconds,
  });
}

/** Whatever was thrown, as a problem. */
export function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  if (error instanceof TypeError) {
    return new ApiProblem({
      status: 0,
      kind: "unreachable",
      title: "The server cannot be reached",
      detail: "Check the connection, then try again.",
    });
  }
  const detail = error instanceof Error ? error.message : "";
  return new ApiProblem({ status: 0, kind: "fault", title: "Something in the console failed", detail });
}
