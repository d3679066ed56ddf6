// Marks where something stood that was erased, so that nobody takes it for something that was never there.

export function Erased({ title = "What stood here was erased; the proof of the event stays" }: { title?: string }) {
  return <span className="erased" title={title}>erased</span>;
}
