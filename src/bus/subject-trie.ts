interface Node<Value> {
  readonly children: Map<string, Node<Value>>;
  readonly values: Value[];
}

/** Values under patterns, found by subject. A tree of tokens, so the work grows with the subject's length, not with the patterns. */
export class SubjectTrie<Value> {
  private readonly root: Node<Value> = { children: new Map(), values: [] };

  insert(pattern: string, value: Value): void {
    let node = this.root;
    for (const token of pattern.split(".")) {
      let child = node.children.get(token);
      if (child === undefined) {
        child = { children: new Map(), values: [] };
        node.children.set(token, child);
      }
      node = child;
    }
    node.values.push(value);
  }

  /** Takes one insertion of the value back; nothing happens when it is not there. */
  remove(pattern: string, value: Value): void {
    removeBelow(this.root, pattern.split("."), 0, value);
  }

  /** Values of all patterns that take the subject, the order of equal patterns kept. */
  find(subject: string): Value[] {
    const found: Value[] = [];
    collect(this.root, subject.split("."), 0, found);
    return found;
  }
}

function collect<Value>(node: Node<Value>, tokens: readonly string[], depth: number, found: Value[]): void {
  const token = tokens[depth];
  if (token === undefined) {
    found.push(...node.values);
    return;
  }
  const rest = node.children.get(">");
  if (rest !== undefined) found.push(...rest.values);
  const any = node.children.get("*");
  if (any !== undefined) collect(any, tokens, depth + 1, found);
  const exact = node.children.get(token);
  if (exact !== undefined) collect(exact, tokens, depth + 1, found);
}

/** Removes the value and the branches it leaves empty; true when the node itself is empty now. */
function removeBelow<Value>(node: Node<Value>, tokens: readonly string[], depth: number, value: Value): boolean {
  const token = tokens[depth];
  if (token === undefined) {
    const at = node.values.indexOf(value);
    if (at >= 0) node.values.splice(at, 1);
  } else {
    const child = node.children.get(token);
    if (child !== undefined && removeBelow(child, tokens, depth + 1, value)) node.children.delete(token);
  }
  return node.values.length === 0 && node.children.size === 0;
}
