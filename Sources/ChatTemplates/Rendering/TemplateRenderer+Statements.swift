/// What comes after a statement.
enum TemplateFlow {
  case goesOn, leaves, next
}

extension TemplateRenderer {
  @discardableResult
  func run(_ nodes: [TemplateNode], _ scope: TemplateScope) throws -> TemplateFlow {
    try nested {
      for node in nodes {
        line = node.line
        let flow = try run(node.statement, scope)
        if flow != .goesOn { return flow }
      }
      return .goesOn
    }
  }

  private func run(_ statement: TemplateStatement, _ scope: TemplateScope) throws -> TemplateFlow {
    try spend()
    switch statement {
    case .text(let text): try put(text)
    case .output(let expression): try put(try text(of: evaluate(expression, scope)))
    case .choice(let branches): return try choose(branches, scope)
    case .loop(let loop): try repeatBody(of: loop, scope)
    case .assignment(let targets, let expression):
      try assign(try evaluate(expression, scope), to: targets, scope)
    case .capture(let targets, let filters, let body):
      let text = try captured { try run(body, TemplateScope(in: scope)) }
      try assign(try apply(filters, to: .string(text), scope), to: targets, scope)
    case .macro(let definition):
      scope.values[definition.name] = macro(definition, scope)
    case .filtered(let filters, let body):
      let text = try captured { try run(body, TemplateScope(in: scope)) }
      try put(try self.text(of: apply(filters, to: .string(text), scope)))
    case .scoped(let values, let body):
      let inner = TemplateScope(in: scope)
      for (name, value) in values { inner.values[name] = try evaluate(value, scope) }
      return try run(body, inner)
    case .group(let body): return try run(body, scope)
    case .leave: return .leaves
    case .next: return .next
    }
    return .goesOn
  }

  private func apply(
    _ filters: [FilterCall], to value: TemplateValue, _ scope: TemplateScope
  ) throws -> TemplateValue {
    try filters.reduce(value) { try filter($0, $1, scope) }
  }

  private func choose(
    _ branches: [(condition: TemplateExpression?, body: [TemplateNode])], _ scope: TemplateScope
  ) throws -> TemplateFlow {
    for (condition, body) in branches {
      guard try condition.map({ try evaluate($0, scope).isTrue }) ?? true else { continue }
      return try run(body, scope)
    }
    return .goesOn
  }

  private func repeatBody(of loop: TemplateLoop, _ scope: TemplateScope) throws {
    var elements = try elements(of: try evaluate(loop.sequence, scope), "for")
    let targets = loop.names.map { AssignmentTarget(name: $0) }
    func turn(_ element: TemplateValue) throws -> TemplateScope {
      let inner = TemplateScope(in: scope)
      try assign(element, to: targets, inner)
      return inner
    }
    if let condition = loop.condition {
      elements = try elements.filter { element in
        try spend()
        return try evaluate(condition, turn(element)).isTrue
      }
    }
    guard !elements.isEmpty else {
      try run(loop.otherwise, TemplateScope(in: scope))
      return
    }
    let state = LoopState(elements)
    for (index, element) in elements.enumerated() {
      try spend()
      state.index = index
      let inner = try turn(element)
      inner.values["loop"] = .loop(state)
      if try run(loop.body, inner) == .leaves { return }
    }
  }

  private func assign(
    _ value: TemplateValue, to targets: [AssignmentTarget], _ scope: TemplateScope
  ) throws {
    guard targets.count > 1 else { return try assign(value, to: targets[0], scope) }
    let elements = try elements(of: value, "set")
    guard elements.count == targets.count else {
      throw failure("found \(elements.count) values for \(targets.count) names")
    }
    for (target, element) in zip(targets, elements) { try assign(element, to: target, scope) }
  }

  private func assign(
    _ value: TemplateValue, to target: AssignmentTarget, _ scope: TemplateScope
  ) throws {
    guard let member = target.member else {
      scope.values[target.name] = value
      return
    }
    guard case .namespace(let namespace) = scope[target.name] else {
      throw failure(
        "\(target.name).\(member) cannot be set: \(target.name) is \(scope[target.name]?.typeName ?? "undefined"), expected a namespace"
      )
    }
    namespace.members.set(TemplateKey(member), named: .string(member), value)
  }
}
