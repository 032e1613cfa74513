import Tensors

/// The weight of a quantized layer, element by element as its format has it.
///
/// ```
/// w[r, c] = (element[r, c] - zero[r, c]) * scale[r, c]
/// ```
struct StoredWeight: NumberRows {
  var rows: Int { layer.rows }
  var columns: Int { layer.columns }
  private let layer: StoredLayer
  let elements: StoredTensor
  private let scales: [Float]
  private let zeros: [Float]?
  /// What is added, in the place of zero points; they need not be multiples of scales.
  private let biases: [Float]?
  /// The type of scales as files call it.
  let scaleType: String
  /// Rows and columns that share a scale.
  private let block: (rows: Int, columns: Int)
  private let groups: Int
  /// The elements that there are.
  let grid: ElementGrid

  /// Takes the tensors of a layer; nil where one is missing or of another type or shape than the scheme
  /// asks for, which a ``LayerCheck`` reports.
  init?(_ module: String, _ scheme: LayerScheme, _ shape: [Int], _ tensors: [String: StoredTensor])
  {
    layer = StoredLayer(scheme: scheme, rows: shape[0], columns: shape[1])
    guard layer.rows > 0, layer.columns > 0, let scaleShape = layer.scaleShape else { return nil }
    var stored: [String: StoredTensor] = [:]
    for part in scheme.format.expected(layer) {
      guard let tensor = tensors["\(module).\(part.suffix)"], part.isMet(tensor.dtype, tensor.shape)
      else { return nil }
      stored[part.suffix] = tensor
    }
    guard let weight = stored[scheme.format.elements.suffix],
      let scaleType = (stored["weight_scale"] ?? stored["scales"])?.dtype,
      let numbers = scheme.format.parameters(stored, layer)
    else { return nil }
    (elements, self.scaleType) = (weight, scaleType)
    biases = stored[StoredScales.biases]?.floats
    (scales, zeros) = (numbers.scales, numbers.zeros)
    groups = scaleShape.count == 2 ? scaleShape[1] : 1
    block = layer.block
    let half = Float(1 << (scheme.bitCount - 1))
    grid =
      scheme.type == "int"
      ? .integers(-half...half - 1)
      : scheme.format.elements is FloatPairs
        ? .floats(greatest: 6, step: (0.5, 0.5), leastScale: numbers.least)
        : .floats(greatest: 448, step: (0x1p-9, 0.125), leastScale: numbers.least)
  }

  /// The columns that have a scale of their own, in every row.
  var columnGroups: [Range<Int>] {
    stride(from: 0, to: columns, by: block.columns).map { $0..<min($0 + block.columns, columns) }
  }

  func scale(_ row: Int, _ group: Int) -> Float { scales[row / block.rows * groups + group] }

  func zero(_ row: Int, _ group: Int) -> Float {
    zeros?[row / block.rows * groups + group] ?? 0
  }

  /// Writes the elements of a row, as many as there are columns.
  func read(row: Int, into target: UnsafeMutablePointer<Float>) {
    layer.scheme.format.elements.read(row: row, of: elements, layer, into: target)
  }

  /// A row as numbers.
  func numbers(ofRow row: Int) -> [Float] {
    let half = Float(1 << (layer.scheme.bitCount - 1))
    return [Float](unsafeUninitializedCapacity: columns) { line, count in
      guard let base = line.baseAddress else { return }
      read(row: row, into: base)
      count = columns
      for column in 0..<columns {
        let group = column / block.columns
        let bias = biases?[row / block.rows * groups + group]
        line[column] =
          bias.map { (line[column] + half) * scale(row, group) + $0 }
          ?? (line[column] - zero(row, group)) * scale(row, group)
      }
    }
  }

  /// Lets go of the memory that reading rows has taken.
  func drop(rows range: Range<Int>) {
    layer.scheme.format.elements.drop(range, of: elements, layer)
  }
}
