import Diagnostics

/// Makes statements of a template's tokens.
struct TemplateParser {
  private let tokens: [TemplateToken]
  private var position = 0
  private var depth = 0
  /// Most statements and brackets within each other; templates of models have a dozen.
  private static let depthLimit = 100

  static func parse(_ source: String) throws -> [TemplateNode] {
    var parser = TemplateParser(tokens: try TemplateLexer.tokens(of: source))
    let body = try parser.body(until: [])
    return body
  }

  private init(tokens: [TemplateToken]) { self.tokens = tokens }

  // MARK: Tokens

  var token: TemplateToken { tokens[min(position, tokens.count - 1)] }
  var line: Int { token.line }

  func following(_ count: Int) -> TemplateToken.Kind {
    tokens[min(position + count, tokens.count - 1)].kind
  }

  mutating func advance() { position += 1 }
  mutating func position(back count: Int) { position -= count }

  mutating func take(_ symbol: String) -> Bool {
    guard token.kind == .symbol(symbol) else { return false }
    position += 1
    return true
  }

  mutating func take(word: String) -> Bool {
    guard token.kind == .name(word) else { return false }
    position += 1
    return true
  }

  mutating func expect(_ symbol: String) throws {
    guard take(symbol) else { throw mismatch("'\(symbol)'") }
  }

  mutating func name(_ expected: String = "a name") throws -> String {
    guard case .name(let name) = token.kind else { throw mismatch(expected) }
    position += 1
    return name
  }

  func mismatch(_ expected: String) -> InputError {
    .template(.malformed, line: line, "found \(token.name), expected \(expected)")
  }

  /// Parses something that may contain its like.
  mutating func nested<Result>(_ parse: (inout Self) throws -> Result) throws -> Result {
    guard depth < Self.depthLimit else {
      throw InputError.template(
        .unsupported, line: line, "is nested more than \(Self.depthLimit) levels deep")
    }
    depth += 1
    defer { depth -= 1 }
    return try parse(&self)
  }

  // MARK: Bodies

  /// Statements up to a tag of one of these names, which is not taken; up to the end of the template if there
  /// are none.
  mutating func body(until ends: [String]) throws -> [TemplateNode] {
    let begin = line
    var nodes: [TemplateNode] = []
    while true {
      let line = line
      switch token.kind {
      case .text(let text):
        advance()
        nodes.append(TemplateNode(line: line, statement: .text(text)))
      case .outputBegin:
        advance()
        let value = try nested { try $0.tuple() }
        guard token.kind == .outputEnd else { throw mismatch("'}}'") }
        advance()
        nodes.append(TemplateNode(line: line, statement: .output(value)))
      case .blockBegin:
        if case .name(let name) = following(1), ends.contains(name) { return nodes }
        advance()
        nodes.append(TemplateNode(line: line, statement: try nested { try $0.statement() }))
      default:
        guard ends.isEmpty else {
          throw InputError.template(
            .malformed, line: begin,
            "has no end; expected '{% \(ends.last ?? "") %}' before the end of the template")
        }
        return nodes
      }
    }
  }

  /// A body and the tag that ends it.
  mutating func body(endedBy name: String) throws -> [TemplateNode] {
    try endTag()
    let nodes = try body(until: [name])
    advance()
    advance()
    try endTag()
    return nodes
  }

  mutating func endTag() throws {
    guard token.kind == .blockEnd else { throw mismatch("'%}'") }
    advance()
  }
}
