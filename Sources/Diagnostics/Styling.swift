/// Whether text carries terminal colours.
package enum Styling: Sendable {
  case plain
  case colored

  /// Colours are for terminals whose user has not asked for none (`NO_COLOR`, `TERM=dumb`).
  package init(isTerminal: Bool, environment: [String: String]) {
    let isRefused = !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
    self = isTerminal && !isRefused ? .colored : .plain
  }

  package func heading(_ text: String) -> String { wrap(text, "1") }
  package func warning(_ text: String) -> String { wrap(text, "33") }
  package func error(_ text: String) -> String { wrap(text, "31") }

  private func wrap(_ text: String, _ code: String) -> String {
    self == .plain ? text : "\u{1B}[\(code)m\(text)\u{1B}[0m"
  }
}
