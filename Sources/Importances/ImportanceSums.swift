import GGUF
import GGUFModels

/// Sums of squares of layers, on their way to the tensors that a file of the model has of them.
struct ImportanceSums {
  private let tensors: [GGUFTensorOutline]
  /// By the names that the source gives weights.
  private var found: [String: (squares: [Float], count: Int)] = [:]

  init(_ outline: GGUFModelOutline) {
    tensors = outline.tensors.filter { $0.shape.count > 1 }
  }

  /// - Parameters:
  ///   - squares: For each column of the layer's weight.
  ///   - count: How many inputs were summed up.
  mutating func add(_ squares: [Float], count: Int, toLayer layer: String) {
    add(squares, count: count, toTensor: "\(layer).weight")
  }

  /// The same by the name that the source gives the weight.
  mutating func add(_ squares: [Float], count: Int, toTensor source: String) {
    // What others have read in the place of an expert that no token has reached is not its own.
    found[source] = (count > 0 ? squares : squares.map { _ in 0 }, count)
  }

  /// By tensors of the file: those of which each matrix is known.
  func finished() -> [String: GGUFImportances.Sums] {
    var result: [String: GGUFImportances.Sums] = [:]
    for tensor in tensors {
      let own = tensor.sources.compactMap { found[$0] }
      guard !own.isEmpty, own.count == tensor.sources.count else { continue }
      let squares = own.flatMap { tensor.columns.applied(to: $0.squares, perRow: 1) }
      result[tensor.name] = GGUFImportances.Sums(
        squares: squares, counts: own.map { Float($0.count) })
    }
    return result
  }
}
