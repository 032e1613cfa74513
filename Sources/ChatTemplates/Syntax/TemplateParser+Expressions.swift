import Diagnostics

/// Expressions, from what binds loosest to what binds tightest.
extension TemplateParser {
  /// One expression, or several with commas, which make a tuple.
  mutating func tuple(withConditions: Bool = true) throws -> TemplateExpression {
    func element(_ parser: inout Self) throws -> TemplateExpression {
      try withConditions ? parser.expression() : parser.nested { try $0.any() }
    }
    var elements = [try element(&self)]
    var isTuple = false
    while take(",") {
      isTuple = true
      if endsTuple { break }
      elements.append(try element(&self))
    }
    return isTuple ? .tuple(elements) : elements[0]
  }

  private var endsTuple: Bool {
    switch token.kind {
    case .blockEnd, .outputEnd, .end, .symbol(")"): true
    default: false
    }
  }

  mutating func expression() throws -> TemplateExpression {
    try nested { try $0.conditional() }
  }

  private mutating func conditional() throws -> TemplateExpression {
    let value = try any()
    guard take(word: "if") else { return value }
    let condition = try any()
    return .conditional(
      condition: condition, value, otherwise: take(word: "else") ? try expression() : nil)
  }

  private mutating func any() throws -> TemplateExpression {
    var operands = [try all()]
    while take(word: "or") { operands.append(try all()) }
    return operands.count == 1 ? operands[0] : .any(operands)
  }

  private mutating func all() throws -> TemplateExpression {
    var operands = [try not()]
    while take(word: "and") { operands.append(try not()) }
    return operands.count == 1 ? operands[0] : .all(operands)
  }

  private mutating func not() throws -> TemplateExpression {
    guard take(word: "not") else { return try comparison() }
    return .not(try nested { try $0.not() })
  }

  private mutating func comparison() throws -> TemplateExpression {
    let first = try sum()
    var rest: [(symbol: String, operand: TemplateExpression)] = []
    while true {
      var symbol: String
      switch token.kind {
      case .symbol(let found) where ["==", "!=", "<", "<=", ">", ">="].contains(found):
        symbol = found
      case .name("in"): symbol = "in"
      case .name("not") where following(1) == .name("in"):
        advance()
        symbol = "not in"
      default: return rest.isEmpty ? first : .comparison(first, rest)
      }
      advance()
      rest.append((symbol, try sum()))
    }
  }

  private mutating func operators(
    _ symbols: [String], _ operand: (inout Self) throws -> TemplateExpression
  ) throws -> TemplateExpression {
    let first = try operand(&self)
    var rest: [(symbol: String, operand: TemplateExpression)] = []
    while case .symbol(let symbol) = token.kind, symbols.contains(symbol) {
      advance()
      rest.append((symbol, try operand(&self)))
    }
    return rest.isEmpty ? first : .arithmetic(first, rest)
  }

  private mutating func sum() throws -> TemplateExpression {
    try operators(["+", "-"]) { try $0.concatenation() }
  }

  private mutating func concatenation() throws -> TemplateExpression {
    var operands = [try product()]
    while take("~") { operands.append(try product()) }
    return operands.count == 1 ? operands[0] : .concatenation(operands)
  }

  private mutating func product() throws -> TemplateExpression {
    try operators(["*", "/", "//", "%"]) { parser in
      try parser.operators(["**"]) { try $0.unary(withFilters: true) }
    }
  }

  private mutating func unary(withFilters: Bool) throws -> TemplateExpression {
    var base: TemplateExpression
    if take("-") {
      base = .minus(try nested { try $0.unary(withFilters: false) })
    } else if take("+") {
      base = .plus(try nested { try $0.unary(withFilters: false) })
    } else {
      base = try primary()
    }
    var steps: [ExpressionStep] = []
    while let kind = try step() { steps.append(kind) }
    while withFilters {
      let line = line
      if take("|") {
        steps.append(ExpressionStep(line: line, kind: .filter(try filterCall())))
      } else if take(word: "is") {
        steps.append(ExpressionStep(line: line, kind: try test()))
      } else if token.kind == .symbol("(") {
        steps.append(ExpressionStep(line: line, kind: .call(try arguments())))
      } else {
        break
      }
    }
    return steps.isEmpty ? base : .steps(base, steps)
  }

  private mutating func step() throws -> ExpressionStep? {
    let line = line
    if take(".") {
      if case .integer(let index) = token.kind {
        advance()
        return ExpressionStep(line: line, kind: .item(.constant(.integer(index))))
      }
      return ExpressionStep(line: line, kind: .attribute(try name("an attribute's name")))
    }
    if take("[") { return ExpressionStep(line: line, kind: try subscripting()) }
    guard token.kind == .symbol("(") else { return nil }
    return ExpressionStep(line: line, kind: .call(try arguments()))
  }

  private mutating func subscripting() throws -> ExpressionStep.Kind {
    var parts: [TemplateExpression?] = [nil]
    while !take("]") {
      if take(":") {
        parts.append(nil)
        guard parts.count <= 3 else { throw mismatch("']'") }
      } else {
        guard parts[parts.count - 1] == nil else { throw mismatch("']'") }
        parts[parts.count - 1] = try expression()
      }
    }
    if parts.count > 1 { return .slice(parts) }
    guard let index = parts[0] else { throw mismatch("an index") }
    return .item(index)
  }

  private mutating func test() throws -> ExpressionStep.Kind {
    let isNegated = take(word: "not")
    let name = try name("the name of a test")
    var list = ArgumentList()
    switch token.kind {
    case .symbol("("): list = try arguments()
    case .name("is"): throw mismatch("one test only")
    case .name("else"), .name("or"), .name("and"): break
    case .name, .string, .integer, .wideInteger, .float, .symbol("["), .symbol("{"):
      let value = try nested { try $0.primary() }
      var steps: [ExpressionStep] = []
      while let step = try step() { steps.append(step) }
      list.positional = [steps.isEmpty ? value : .steps(value, steps)]
    default: break
    }
    return .test(name, list, isNegated: isNegated)
  }

  /// A filter, after its `|`.
  mutating func filterCall() throws -> FilterCall {
    var name = try name("the name of a filter")
    while take(".") { name += ".\(try self.name())" }
    let hasArguments = token.kind == .symbol("(")
    return FilterCall(name: name, arguments: hasArguments ? try arguments() : ArgumentList())
  }

  mutating func filterCalls() throws -> [FilterCall] {
    var calls: [FilterCall] = []
    while take("|") { calls.append(try filterCall()) }
    return calls
  }

  private mutating func arguments() throws -> ArgumentList {
    try expect("(")
    var list = ArgumentList()
    var isFirst = true
    while !take(")") {
      if !isFirst {
        try expect(",")
        if take(")") { break }
      }
      isFirst = false
      if token.kind == .symbol("*") || token.kind == .symbol("**") {
        throw InputError.template(
          .unsupported, line: line, "arguments out of a list (* and **) are not supported")
      }
      if case .name(let name) = token.kind, following(1) == .symbol("=") {
        advance()
        advance()
        list.named.append((name, try expression()))
      } else {
        guard list.named.isEmpty else { throw mismatch("an argument with a name") }
        list.positional.append(try expression())
      }
    }
    return list
  }

  private mutating func primary() throws -> TemplateExpression {
    let kind = token.kind
    advance()
    switch kind {
    case .name("true"), .name("True"): return .constant(.bool(true))
    case .name("false"), .name("False"): return .constant(.bool(false))
    case .name("none"), .name("None"): return .constant(.none)
    case .name(let name): return .name(name)
    case .string(var text):
      while case .string(let more) = token.kind {
        text += more
        advance()
      }
      return .constant(.string(text))
    case .integer(let value): return .constant(.integer(value))
    case .wideInteger(let text): return .constant(.wideInteger(text))
    case .float(let value): return .constant(.float(value))
    case .symbol("("):
      if take(")") { return .tuple([]) }
      let value = try nested { try $0.tuple() }
      try expect(")")
      return value
    case .symbol("["): return try list()
    case .symbol("{"): return try mapping()
    default:
      position(back: 1)
      throw mismatch("an expression")
    }
  }

  private mutating func list() throws -> TemplateExpression {
    var elements: [TemplateExpression] = []
    while !take("]") {
      if !elements.isEmpty {
        try expect(",")
        if take("]") { break }
      }
      elements.append(try expression())
    }
    return .list(elements)
  }

  private mutating func mapping() throws -> TemplateExpression {
    var members: [(key: TemplateExpression, value: TemplateExpression)] = []
    while !take("}") {
      if !members.isEmpty {
        try expect(",")
        if take("}") { break }
      }
      let key = try expression()
      try expect(":")
      members.append((key, try expression()))
    }
    return .mapping(members)
  }
}
