import Diagnostics
import JSONText

extension TemplateRenderer {
  func evaluate(
    _ expression: TemplateExpression, _ scope: TemplateScope
  ) throws -> TemplateValue {
    try spend()
    return try nested {
      switch expression {
      case .constant(let value): value
      case .name(let name): scope[name] ?? .undefined("\(quoted(name)) is undefined")
      case .list(let elements): try list(elements.map { try evaluate($0, scope) })
      case .tuple(let elements): try list(elements.map { try evaluate($0, scope) }, .tuple)
      case .mapping(let members): try mapping(members, scope)
      case .steps(let base, let steps): try follow(steps, from: base, scope)
      case .not(let operand): .bool(!(try evaluate(operand, scope).isTrue))
      case .minus(let operand): try negative(of: evaluate(operand, scope))
      case .plus(let operand): try positive(of: evaluate(operand, scope))
      case .arithmetic(let first, let rest):
        try rest.reduce(evaluate(first, scope)) {
          try compute($0, $1.symbol, evaluate($1.operand, scope))
        }
      case .concatenation(let operands):
        try joined(operands.map { try text(of: evaluate($0, scope)) }, by: "")
      case .all(let operands): try first(of: operands, scope) { !$0.isTrue }
      case .any(let operands): try first(of: operands, scope) { $0.isTrue }
      case .comparison(let first, let rest): .bool(try holds(first, rest, scope))
      case .conditional(let condition, let value, let otherwise):
        if try evaluate(condition, scope).isTrue {
          try evaluate(value, scope)
        } else {
          try otherwise.map { try evaluate($0, scope) }
            ?? .undefined("an 'if' without 'else' gave nothing")
        }
      }
    }
  }

  private func first(
    of operands: [TemplateExpression], _ scope: TemplateScope,
    where decides: (TemplateValue) -> Bool
  ) throws -> TemplateValue {
    var value = TemplateValue.none
    for operand in operands {
      value = try evaluate(operand, scope)
      if decides(value) { break }
    }
    return value
  }

  private func holds(
    _ first: TemplateExpression, _ rest: [(symbol: String, operand: TemplateExpression)],
    _ scope: TemplateScope
  ) throws -> Bool {
    var left = try evaluate(first, scope)
    for (symbol, operand) in rest {
      let right = try evaluate(operand, scope)
      guard try compare(left, symbol, right) else { return false }
      left = right
    }
    return true
  }

  private func mapping(
    _ members: [(key: TemplateExpression, value: TemplateExpression)], _ scope: TemplateScope
  ) throws -> TemplateValue {
    var mapping = TemplateMapping()
    for member in members {
      let name = try evaluate(member.key, scope)
      try mapping.set(key(name), named: name, evaluate(member.value, scope))
    }
    return try bounded(.mapping(mapping))
  }

  func key(_ value: TemplateValue) throws -> TemplateKey {
    try spend(on: value)
    guard let key = TemplateKey(value) else {
      throw failure("\(value.typeName) cannot be a key; expected a string or a number")
    }
    return key
  }

  // MARK: Steps

  private func follow(
    _ steps: [ExpressionStep], from base: TemplateExpression, _ scope: TemplateScope
  ) throws -> TemplateValue {
    var value = try evaluate(base, scope)
    for step in steps {
      try spend()
      line = step.line
      switch step.kind {
      case .attribute(let name): value = try attribute(name, of: value)
      case .item(let index): value = try item(evaluate(index, scope), of: value)
      case .slice(let parts):
        value = try slice(value, parts.map { try $0.map { try evaluate($0, scope) } })
      case .call(let list): value = try call(value, arguments(list, scope))
      case .filter(let call): value = try filter(value, call, scope)
      case .test(let name, let list, let isNegated):
        value = .bool(try test(value, name, arguments(list, scope)) != isNegated)
      }
    }
    return value
  }

  func filter(
    _ value: TemplateValue, _ call: FilterCall, _ scope: TemplateScope
  ) throws -> TemplateValue {
    try filter(value, call.name, arguments(call.arguments, scope))
  }

  private func arguments(_ list: ArgumentList, _ scope: TemplateScope) throws -> CallArguments {
    CallArguments(
      positional: try list.positional.map { try evaluate($0, scope) },
      named: try list.named.map { ($0.name, try evaluate($0.value, scope)) })
  }

  func call(_ value: TemplateValue, _ arguments: CallArguments) throws -> TemplateValue {
    switch value {
    case .function(let function): return try function.call(self, arguments)
    case .macro(let macro): return try nested { try call(macro, arguments) }
    case .undefined(let message): throw failure(message)
    default: throw failure("\(value.typeName) cannot be called")
    }
  }

  private func call(_ macro: TemplateMacro, _ arguments: CallArguments) throws -> TemplateValue {
    let definition = macro.definition
    let scope = TemplateScope(in: macro.scope)
    let values = try arguments.bound(
      to: definition.parameters.map(\.name), of: definition.name, self)
    for (parameter, value) in zip(definition.parameters, values) {
      scope.values[parameter.name] =
        try value ?? parameter.standard.map { try evaluate($0, scope) }
        ?? .undefined("parameter \(quoted(parameter.name)) of \(definition.name) was not given")
    }
    let line = line
    let text = try captured { try run(definition.body, scope) }
    self.line = line
    return .string(text)
  }

  /// The values that a loop goes through.
  func elements(of value: TemplateValue, _ user: String) throws -> [TemplateValue] {
    switch value {
    case .list(let list):
      try spend(list.elements.count)
      return list.elements
    case .mapping(let mapping):
      try spend(mapping.count)
      return mapping.keys
    case .string(let text):
      try spend(text.utf8.count * 8)
      return text.unicodeScalars.map { .string(String($0)) }
    case .undefined: return []
    case .loop(let loop):
      try spend(loop.elements.count)
      return Array(loop.elements[loop.index...])
    default: throw failure("\(user): found \(value.typeName), expected a list")
    }
  }
}
