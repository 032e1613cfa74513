/// Records the operations of one decoder block, in the order of the forward pass.
///
/// Recording states *what* is computed; ``Program/init(_:device:training:)`` plans memory and prepares the
/// operations. Every value has a row for each token of `batch` sequences of `tokens` tokens.
package struct ProgramRecorder {
  package let batch: Int
  package let tokens: Int
  /// Positions that sequences can reach: `tokens`, or more where keys and values are cached.
  package let positions: Int
  var operations: [any Operation] = []
  var values: [ValueInfo] = []
  var parameters: [ParameterInfo] = []
  var output: Value?
  let compute: ComputeType
  let gradientPrecision: GradientPrecision

  struct ValueInfo {
    var columns: Int
    var type: ComputeType
    var isInput = false
  }

  struct ParameterInfo {
    var parts: [ParameterPart]
    var columns: Int
    var isMatrix: Bool
    /// Whether it is a scale of quantized activations, which trains together with matrices.
    var isScale = false
    var rows: Int { parts.reduce(0) { $0 + $1.rows } }
  }

  package init(
    batch: Int, tokens: Int, positions: Int? = nil, compute: ComputeType,
    gradientPrecision: GradientPrecision = .full
  ) {
    precondition(batch > 0 && tokens > 0 && positions ?? tokens >= tokens)
    self.positions = positions ?? tokens
    self.batch = batch
    self.tokens = tokens
    self.compute = compute
    self.gradientPrecision = gradientPrecision
  }

  /// Rows of every value.
  package var rows: Int { batch * tokens }

  /// A value that the caller fills before each run.
  package mutating func input(columns: Int) -> Value {
    values.append(ValueInfo(columns: columns, type: compute, isInput: true))
    return Value(index: values.count - 1)
  }

  /// A value that an operation fills.
  mutating func value(columns: Int, type: ComputeType? = nil) -> Value {
    values.append(ValueInfo(columns: columns, type: type ?? compute))
    return Value(index: values.count - 1)
  }

  /// Matrices `[rows, columns]` of one width, one under the other, in the program's compute type.
  package mutating func matrix(_ parts: [ParameterPart], columns: Int) -> Parameter {
    parameters.append(ParameterInfo(parts: parts, columns: columns, isMatrix: true))
    return Parameter(index: parameters.count - 1)
  }

  /// A vector of f32 weights made of several, one after the other.
  package mutating func vector(_ parts: [ParameterPart]) -> Parameter {
    parameters.append(ParameterInfo(parts: parts, columns: 1, isMatrix: false))
    return Parameter(index: parameters.count - 1)
  }

  /// The scale of quantized activations: one f32 number.
  package mutating func scale(_ name: String) -> Parameter {
    let parameter = vector([ParameterPart(name: name, rows: 1)])
    parameters[parameter.index].isScale = true
    return parameter
  }

  /// All columns of a value.
  package func operand(_ value: Value) -> Operand {
    Operand(value: value, columnOffset: 0, columns: values[value.index].columns)
  }

  /// Some columns of a value.
  package func operand(_ value: Value, columns range: Range<Int>) -> Operand {
    precondition(range.lowerBound >= 0 && range.upperBound <= values[value.index].columns)
    return Operand(value: value, columnOffset: range.lowerBound, columns: range.count)
  }

  /// Names the value that the program is run for.
  package mutating func finish(output: Value) { self.output = output }

  /// Every matrix and vector recorded so far, in order.
  ///
  /// Activation scales are left out: they are not tensors of the model.
  package var parameterShapes: [(name: String, shape: [Int])] {
    parameters.lazy.filter { !$0.isScale }.flatMap { info in
      info.parts.map { ($0.name, info.isMatrix ? [$0.rows, info.columns] : [$0.rows]) }
    }
  }

  func columns(of value: Value) -> Int { values[value.index].columns }
}

/// One matrix or vector inside a parameter, under the name that the checkpoint has for it.
package struct ParameterPart: Hashable, Sendable {
  package var name: String
  /// Rows of a matrix; elements of a part of a vector.
  package var rows: Int
  package init(name: String, rows: Int) {
    self.name = name
    self.rows = rows
  }
}
