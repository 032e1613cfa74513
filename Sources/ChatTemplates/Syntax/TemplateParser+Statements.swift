import Diagnostics

extension TemplateParser {
  /// The statement whose tag has begun.
  mutating func statement() throws -> TemplateStatement {
    let line = line
    switch try name("the name of a statement") {
    case "if": return try choice()
    case "for": return try loop()
    case "set": return try assignment()
    case "macro": return try macro()
    case "filter":
      let filters = [try filterCall()] + (try filterCalls())
      return .filtered(filters, body: try body(endedBy: "endfilter"))
    case "with": return try scoped()
    case "generation": return .group(try body(endedBy: "endgeneration"))
    case "break":
      try endTag()
      return .leave
    case "continue":
      try endTag()
      return .next
    case let name:
      throw InputError.template(
        name.hasPrefix("end") || name.hasPrefix("el") ? .malformed : .unsupported, line: line,
        "the statement \(quoted(name)) is unknown here; expected if, for, set, macro, filter, with, "
          + "generation, break, continue or raw")
    }
  }

  private mutating func choice() throws -> TemplateStatement {
    var branches: [(condition: TemplateExpression?, body: [TemplateNode])] = []
    var condition: TemplateExpression? = try tuple(withConditions: false)
    while true {
      try endTag()
      let ends = condition == nil ? ["endif"] : ["elif", "else", "endif"]
      branches.append((condition, try body(until: ends)))
      advance()
      switch try name() {
      case "elif": condition = try tuple(withConditions: false)
      case "else": condition = nil
      default:
        try endTag()
        return .choice(branches)
      }
    }
  }

  private mutating func loop() throws -> TemplateStatement {
    var names: [String] = []
    let isBracketed = take("(")
    repeat {
      if !names.isEmpty, case .name("in") = token.kind { break }
      names.append(try name())
    } while take(",")
    if isBracketed { try expect(")") }
    guard take(word: "in") else { throw mismatch("'in'") }
    let sequence = try tuple(withConditions: false)
    let condition = take(word: "if") ? try expression() : nil
    if token.kind == .name("recursive") {
      throw InputError.template(.unsupported, line: line, "recursive loops are not supported")
    }
    try endTag()
    let turns = try body(until: ["else", "endfor"])
    var otherwise: [TemplateNode] = []
    advance()
    if take(word: "else") {
      otherwise = try body(endedBy: "endfor")
    } else {
      advance()
      try endTag()
    }
    return .loop(
      TemplateLoop(
        names: names, sequence: sequence, condition: condition, body: turns, otherwise: otherwise))
  }

  private mutating func assignment() throws -> TemplateStatement {
    var targets: [AssignmentTarget] = []
    let isBracketed = take("(")
    repeat {
      if !targets.isEmpty, token.kind == .symbol("=") { break }
      let name = try name()
      targets.append(AssignmentTarget(name: name, member: take(".") ? try self.name() : nil))
    } while take(",")
    if isBracketed { try expect(")") }
    if take("=") {
      let value = try tuple()
      try endTag()
      return .assignment(targets, value)
    }
    return .capture(targets, try filterCalls(), body: try body(endedBy: "endset"))
  }

  private mutating func macro() throws -> TemplateStatement {
    let name = try name()
    try expect("(")
    var parameters: [(name: String, standard: TemplateExpression?)] = []
    while !take(")") {
      if !parameters.isEmpty {
        try expect(",")
        if take(")") { break }
      }
      let parameter = try self.name()
      parameters.append((parameter, take("=") ? try expression() : nil))
    }
    return .macro(
      MacroDefinition(
        name: name, parameters: parameters, body: try body(endedBy: "endmacro")))
  }

  private mutating func scoped() throws -> TemplateStatement {
    var values: [(name: String, value: TemplateExpression)] = []
    while token.kind != .blockEnd {
      if !values.isEmpty { try expect(",") }
      let name = try name()
      try expect("=")
      values.append((name, try expression()))
    }
    return .scoped(values, body: try body(endedBy: "endwith"))
  }
}
