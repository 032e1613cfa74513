/// Text from outside as an error shows it: in single quotes, as ``visible(_:)`` gives it.
package func quoted(_ name: String) -> String { "'\(visible(name))'" }

/// Text from outside with control characters replaced and the middle of a long one left out.
package func visible(_ name: String) -> String {
  let visible = name.unicodeScalars.map { scalar in
    scalar.properties.generalCategory == .control || scalar.properties.isDefaultIgnorableCodePoint
      ? "\u{FFFD}" : scalar
  }
  func text(_ scalars: some Sequence<Unicode.Scalar>) -> String {
    String(String.UnicodeScalarView(scalars))
  }
  return visible.count <= 200
    ? text(visible) : "\(text(visible.prefix(150)))…\(text(visible.suffix(40)))"
}

/// A name with `*` in place of the numbers in it, which the layers of all blocks, or all experts, have in common.
package func pattern(of name: String) -> String {
  name.split(separator: ".", omittingEmptySubsequences: false)
    .map { !$0.isEmpty && $0.utf8.allSatisfy { (48...57).contains($0) } ? "*" : String($0) }
    .joined(separator: ".")
}

/// A number of things: `1 finding`, `2 findings`.
package func counted(_ count: Int, _ noun: String) -> String {
  "\(count) \(noun)\(count == 1 ? "" : "s")"
}

/// Things as the subject of a sentence: `q_proj is`, or `3 layers, q_proj among them, are`.
package func enumerated(_ names: [String], _ noun: String) -> String {
  names.count == 1
    ? "\(names[0]) is"
    : counted(names.count, noun) + (names.first.map { ", \($0) among them," } ?? "") + " are"
}
