/// A statement, and the line that it begins on.
struct TemplateNode {
  var line: Int
  var statement: TemplateStatement
}

/// What a template is made of.
indirect enum TemplateStatement {
  case text(String)
  case output(TemplateExpression)
  /// `if`, `elif` and `else`, which has no condition.
  case choice([(condition: TemplateExpression?, body: [TemplateNode])])
  case loop(TemplateLoop)
  case assignment([AssignmentTarget], TemplateExpression)
  /// `set` with a body, whose text goes through filters.
  case capture([AssignmentTarget], [FilterCall], body: [TemplateNode])
  case macro(MacroDefinition)
  case filtered([FilterCall], body: [TemplateNode])
  /// `with`.
  case scoped([(name: String, value: TemplateExpression)], body: [TemplateNode])
  /// `generation`, which marks what a model has said and prints it.
  case group([TemplateNode])
  case leave, next
}

/// `for`.
struct TemplateLoop {
  var names: [String]
  var sequence: TemplateExpression
  var condition: TemplateExpression?
  var body: [TemplateNode]
  var otherwise: [TemplateNode]
}

/// What `set` sets: a name, or a member of a namespace.
struct AssignmentTarget {
  var name: String
  var member: String?
}

struct MacroDefinition {
  var name: String
  var parameters: [(name: String, standard: TemplateExpression?)]
  var body: [TemplateNode]
}

/// Expressions. What can be written in a row without end stands in a list, so that nesting is bounded.
indirect enum TemplateExpression {
  case constant(TemplateValue)
  case name(String)
  case list([TemplateExpression])
  case tuple([TemplateExpression])
  case mapping([(key: TemplateExpression, value: TemplateExpression)])
  case steps(TemplateExpression, [ExpressionStep])
  case not(TemplateExpression)
  case minus(TemplateExpression)
  case plus(TemplateExpression)
  case arithmetic(TemplateExpression, [(symbol: String, operand: TemplateExpression)])
  case concatenation([TemplateExpression])
  case all([TemplateExpression])
  case any([TemplateExpression])
  case comparison(TemplateExpression, [(symbol: String, operand: TemplateExpression)])
  case conditional(
    condition: TemplateExpression, TemplateExpression, otherwise: TemplateExpression?)
}

/// What follows a value, one after the other.
struct ExpressionStep {
  enum Kind {
    case attribute(String)
    case item(TemplateExpression)
    case slice([TemplateExpression?])
    case call(ArgumentList)
    case filter(FilterCall)
    case test(String, ArgumentList, isNegated: Bool)
  }

  var line: Int
  var kind: Kind
}

struct FilterCall {
  var name: String
  var arguments: ArgumentList
}

struct ArgumentList {
  var positional: [TemplateExpression] = []
  var named: [(name: String, value: TemplateExpression)] = []
}
