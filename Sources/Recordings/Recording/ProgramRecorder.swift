/// Records the operations of one decoder block, in the order of the forward pass.
package struct ProgramRecorder {
  /// What was recorded so far.
  package private(set) var recording: Recording
  /// How precisely gradients of the linear layers are computed that are recorded.
  package let gradientPrecision: GradientPrecision

  package var batch: Int { recording.batch }
  package var tokens: Int { recording.tokens }
  package var positions: Int { recording.positions }
  package var compute: ComputeType { recording.compute }

  package init(
    batch: Int, tokens: Int, positions: Int? = nil, compute: ComputeType,
    gradientPrecision: GradientPrecision = .full
  ) {
    precondition(batch > 0 && tokens > 0 && positions ?? tokens >= tokens)
    recording = Recording(
      batch: batch, tokens: tokens, positions: positions ?? tokens, compute: compute)
    self.gradientPrecision = gradientPrecision
  }

  /// Tokens of all sequences.
  package var rows: Int { batch * tokens }

  /// A value that the caller fills before each run.
  package mutating func input(columns: Int, rows: Rows = .tokens) -> Value {
    add(ValueInfo(rows: rows, columns: columns, type: compute, isInput: true))
  }

  /// A value that an operation fills.
  package mutating func value(columns: Int, rows: Rows = .tokens, type: ComputeType? = nil) -> Value
  {
    add(ValueInfo(rows: rows, columns: columns, type: type ?? compute))
  }

  private mutating func add(_ info: ValueInfo) -> Value {
    recording.values.append(info)
    return Value(index: recording.values.count - 1)
  }

  /// Matrices `[rows, columns]` of one width, one under the other.
  ///
  /// - Parameter type: Their type, if it is another than the compute type.
  package mutating func matrix(
    _ parts: [ParameterPart], columns: Int, as type: ComputeType? = nil
  ) -> Parameter {
    add(ParameterInfo(parts: parts, columns: columns, isMatrix: true, type: type))
  }

  /// A vector of f32 weights made of several, one after the other.
  package mutating func vector(_ parts: [ParameterPart]) -> Parameter {
    add(ParameterInfo(parts: parts, columns: 1, isMatrix: false))
  }

  /// The scale of quantized activations: one f32 number.
  package mutating func scale(_ name: String) -> Parameter {
    let part = ParameterPart(name: name, rows: 1)
    return add(ParameterInfo(parts: [part], columns: 1, isMatrix: false, isScale: true))
  }

  private mutating func add(_ info: ParameterInfo) -> Parameter {
    recording.parameters.append(info)
    return Parameter(index: recording.parameters.count - 1)
  }

  /// Something that sequences keep from token to token.
  package mutating func state(_ shape: StateShape) -> State {
    recording.states.append(shape)
    return State(index: recording.states.count - 1)
  }

  /// Adds a step; returns its result.
  package mutating func append(_ node: Node) -> Value {
    recording.nodes.append(node)
    return node.result
  }

  /// All columns of a value.
  package func operand(_ value: Value) -> Operand { recording.operand(value) }

  /// Some columns of a value.
  package func operand(_ value: Value, columns range: Range<Int>) -> Operand {
    precondition(range.lowerBound >= 0 && range.upperBound <= columns(of: value))
    return Operand(value: value, columnOffset: range.lowerBound, columns: range.count)
  }

  /// Names the value that the program is run for.
  package mutating func finish(output: Value) { recording.output = output }

  /// Names a value that the caller reads after a run, besides the output.
  package mutating func keep(_ value: Value) { recording.kept.append(value) }

  /// Whether a value has one row for each token.
  package func isOfTokens(_ value: Value) -> Bool { rows(of: value) == .tokens }

  package func columns(of value: Value) -> Int { recording.columns(of: value) }
  package func rows(of value: Value) -> Rows { recording.values[value.index].rows }
}
