/// What a decoder block computes, as data: nodes in the order of the forward pass, and what they work on.
///
/// It says nothing of how, nor where anything lies: ``Program`` makes it runnable on a device.
package struct Recording: Hashable, Sendable {
  /// Sequences that run at once, and the tokens of each.
  package let batch: Int
  package let tokens: Int
  /// Positions that sequences can reach: `tokens`, or more where a sequence is run piece by piece.
  package let positions: Int
  package let compute: ComputeType
  package internal(set) var nodes: [Node] = []
  package internal(set) var values: [ValueInfo] = []
  package internal(set) var parameters: [ParameterInfo] = []
  package internal(set) var states: [StateShape] = []
  /// Values that the caller reads after a run besides the output.
  package internal(set) var kept: [Value] = []
  /// The value that the program is run for.
  package internal(set) var output: Value?

  /// Rows of a value in memory.
  package func rows(of value: Value) -> Int {
    batch * tokens * values[value.index].rows.perToken
  }

  /// Whether a value has a row for each token of the batch; where experts have mixed rows, it has others.
  package func hasRowForEachToken(_ value: Value) -> Bool { values[value.index].rows == .tokens }

  package func columns(of value: Value) -> Int { values[value.index].columns }

  /// All columns of a value.
  package func operand(_ value: Value) -> Operand {
    Operand(value: value, columnOffset: 0, columns: columns(of: value))
  }

  /// Bytes of a value.
  package func byteCount(of value: Value) -> Int {
    rows(of: value) * columns(of: value) * values[value.index].type.byteCount
  }

  /// Bytes of a parameter.
  package func byteCount(of parameter: ParameterInfo) -> Int {
    parameter.rows * parameter.columns * type(of: parameter).byteCount
  }

  /// The type of a value's elements.
  package func type(of value: Value) -> ComputeType { values[value.index].type }

  /// Matrices are held in the compute type unless they say another, vectors and scales in f32.
  package func type(of parameter: ParameterInfo) -> ComputeType {
    parameter.isMatrix ? parameter.type ?? compute : .float32
  }

  /// The type of a parameter's elements.
  package func type(of parameter: Parameter) -> ComputeType {
    type(of: parameters[parameter.index])
  }
}

/// How many rows a value has.
package enum Rows: Hashable, Sendable {
  /// One for each token.
  case tokens
  /// At most so many for each token, as for tokens that go to several experts.
  case routed(perToken: Int)

  /// The most rows for each token: what memory is planned for.
  package var perToken: Int {
    switch self {
    case .tokens: 1
    case .routed(let count): count
    }
  }
}

/// The shape of a value.
package struct ValueInfo: Hashable, Sendable {
  package var rows = Rows.tokens
  package var columns: Int
  package var type: ComputeType
  package var isInput = false
}

/// The shape of a parameter, and what the checkpoint calls its parts.
package struct ParameterInfo: Hashable, Sendable {
  package var parts: [ParameterPart]
  package var columns: Int
  package var isMatrix: Bool
  /// Whether it is a scale of quantized activations, which trains together with matrices.
  package var isScale = false
  /// The type of a matrix that is held in another than the compute type.
  package var type: ComputeType?
  package var rows: Int { parts.reduce(0) { $0 + $1.rows } }
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

/// What a sequence keeps from token to token.
package enum StateShape: Hashable, Sendable {
  /// A row of keys and a row of values for each token so far.
  case keysAndValues(keyColumns: Int, valueColumns: Int)
  /// A row for each token so far.
  case rows(columns: Int)
  /// The rows of the last tokens.
  case lastRows(count: Int, columns: Int)
  /// Matrices of f32 that each token changes.
  case matrices(count: Int, rows: Int, columns: Int)

  /// Bytes of each of its buffers for up to `tokens` tokens.
  package func byteCounts(tokens: Int, compute: ComputeType) -> [Int] {
    switch self {
    case .keysAndValues(let keys, let values):
      [keys, values].map { tokens * $0 * compute.byteCount }
    case .rows(let columns): [tokens * columns * compute.byteCount]
    case .lastRows(let count, let columns): [count * columns * compute.byteCount]
    case .matrices(let count, let rows, let columns):
      [count * rows * columns * ComputeType.float32.byteCount]
    }
  }
}
