import Diagnostics

/// Cuts a template into tokens, with the white space around tags taken away as Jinja does it where `trim_blocks` and
/// `lstrip_blocks` are set.
struct TemplateLexer {
  /// The source, with line ends as `\n`, and without the one at the very end.
  let scalars: [Unicode.Scalar]
  var position = 0
  private var line = 1
  /// Where ``line`` was counted to.
  private var counted = 0
  private(set) var tokens: [TemplateToken] = []

  init(_ source: String) {
    var scalars: [Unicode.Scalar] = []
    scalars.reserveCapacity(source.utf8.count)
    var endsInReturn = false
    for scalar in source.unicodeScalars {
      if scalar != "\n" || !endsInReturn { scalars.append(scalar == "\r" ? "\n" : scalar) }
      endsInReturn = scalar == "\r"
    }
    if scalars.last == "\n" { scalars.removeLast() }
    self.scalars = scalars
  }

  /// All tokens, the last of which is `end`.
  static func tokens(of source: String) throws -> [TemplateToken] {
    var lexer = TemplateLexer(source)
    while lexer.position < lexer.scalars.count { try lexer.readTextAndTag() }
    lexer.add(.end)
    return lexer.tokens
  }

  // MARK: Text and tags

  private mutating func readTextAndTag() throws {
    let start = position
    guard let tag = beginningOfTag(from: start) else {
      addText(start..<scalars.count)
      position = scalars.count
      return
    }
    let kind = scalars[tag + 1]
    let sign = scalar(at: tag + 2)
    addText(start..<endOfText(start, tag, sign, stripsLine: kind != "{"))
    position = tag + (sign == "-" || sign == "+" ? 3 : 2)
    switch kind {
    case "#": try skipComment()
    case "%":
      if let content = endOfRawTag(tag) {
        position = content
        try readRaw()
      } else {
        add(.blockBegin)
        try readExpression(isBlock: true)
      }
    default:
      add(.outputBegin)
      try readExpression(isBlock: false)
    }
  }

  private func beginningOfTag(from start: Int) -> Int? {
    var index = start
    while index + 1 < scalars.count {
      if scalars[index] == "{", ["{", "%", "#"].contains(scalars[index + 1]) { return index }
      index += 1
    }
    return nil
  }

  /// Where the text before a tag ends once white space is taken away.
  private func endOfText(
    _ start: Int, _ tag: Int, _ sign: Unicode.Scalar?, stripsLine: Bool
  ) -> Int {
    var end = tag
    if sign == "-" {
      while end > start, scalars[end - 1].isTemplateSpace { end -= 1 }
    } else if sign != "+", stripsLine {
      while end > start, scalars[end - 1].isTemplateSpace, scalars[end - 1] != "\n" { end -= 1 }
      let beginsLine = end == 0 || scalars[end - 1] == "\n"
      if !beginsLine { end = tag }
    }
    return end
  }

  private mutating func skipComment() throws {
    let start = position
    while position + 1 < scalars.count {
      if scalars[position] == "#", scalars[position + 1] == "}" {
        let sign = position > start ? scalars[position - 1] : nil
        position += 2
        skipAfterTag(sign)
        return
      }
      position += 1
    }
    throw failure(at: start, "the comment has no end; expected '#}'")
  }

  /// Where the content of `{% raw %}` at `tag` begins; nil for another tag.
  private func endOfRawTag(_ tag: Int) -> Int? {
    var index = position
    skipSpace(&index)
    guard has("raw", at: index) else { return nil }
    index += 3
    skipSpace(&index)
    let isTight = scalar(at: index) == "-"
    if isTight { index += 1 }
    guard has("%}", at: index) else { return nil }
    index += 2
    if isTight { skipSpace(&index) }
    return index
  }

  private mutating func readRaw() throws {
    let start = position
    while let tag = beginningOfTag(from: position) {
      position = tag + 2
      guard scalars[tag + 1] == "%" else { continue }
      let sign = scalar(at: position)
      var index = sign == "-" || sign == "+" ? position + 1 : position
      skipSpace(&index)
      guard has("endraw", at: index) else { continue }
      index += 6
      skipSpace(&index)
      let ending = scalar(at: index)
      if ending == "-" || ending == "+" { index += 1 }
      guard has("%}", at: index) else { continue }
      addText(start..<endOfText(start, tag, sign, stripsLine: true))
      position = index + 2
      skipAfterTag(ending)
      return
    }
    throw failure(at: start, "'raw' has no end; expected '{% endraw %}'")
  }

  /// Skips what a tag takes with it: all white space after `-`, a line end else, nothing after `+`.
  mutating func skipAfterTag(_ sign: Unicode.Scalar?) {
    if sign == "-" {
      skipSpace(&position)
    } else if sign != "+", scalar(at: position) == "\n" {
      position += 1
    }
  }

  // MARK: Helpers

  func scalar(at index: Int) -> Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

  func has(_ word: String, at index: Int) -> Bool {
    scalars[min(index, scalars.count)...].starts(with: word.unicodeScalars)
  }

  func skipSpace(_ index: inout Int) {
    while index < scalars.count, scalars[index].isTemplateSpace { index += 1 }
  }

  func text(_ range: Range<Int>) -> String {
    String(String.UnicodeScalarView(scalars[range]))
  }

  private mutating func addText(_ range: Range<Int>) {
    guard !range.isEmpty else { return }
    add(.text(text(range)))
  }

  mutating func add(_ kind: TemplateToken.Kind) {
    while counted < min(position, scalars.count) {
      if scalars[counted] == "\n" { line += 1 }
      counted += 1
    }
    tokens.append(TemplateToken(kind: kind, line: line))
  }

  func failure(
    at index: Int, _ message: String, _ code: InputError.Code = .malformed
  ) -> InputError {
    let line = 1 + scalars[..<min(index, scalars.count)].count { $0 == "\n" }
    return .template(code, line: line, message)
  }
}
