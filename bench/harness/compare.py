"""Whether two systems gave the same answers to the same questions."""


def differences(ours, theirs):
    """Descriptions of the questions whose answers differ; empty if all are equal."""
    known = {key(answer): answer["answer"] for answer in theirs}
    found = []
    for answer in ours:
        other = known.get(key(answer))
        if other is None:
            continue
        same = same_top(answer["answer"], other) if answer["row"] == "top_actors" else answer["answer"] == other
        if not same:
            found.append(f"{answer['row']} {answer['size']} {answer['value'] or ''}: {brief(answer['answer'])} / {brief(other)}")
    return found


def key(answer):
    return answer["row"], answer["size"], answer["value"], answer["to_us"]


def same_top(ours, theirs):
    """Equal counts, and equal values except among those that share the last place."""
    if [count for _, count in ours] != [count for _, count in theirs]:
        return False
    if not ours:
        return True
    last = ours[-1][1]
    return {value for value, count in ours if count > last} == {value for value, count in theirs if count > last}


def brief(answer):
    if isinstance(answer, list):
        return f"{len(answer)} [{', '.join(map(str, answer[:2]))}, …]"
    return str(answer)
