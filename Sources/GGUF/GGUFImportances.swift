import Checkpoints
package import Diagnostics
package import Foundation
import Tensors

/// What an error in each column of a model's matrices weighs, as llama-imatrix writes it and llama-quantize reads it: sums of
/// the squares of the inputs that a column has met, by the names of the matrices in files of the model.
///
/// Such a file has two tensors for a matrix, or a stack of them: `<name>.in_sum2`, `[matrices, columns]`, and `<name>.counts`,
/// `[matrices, 1]`, how many inputs were summed up; both f32.
package struct GGUFImportances: Equatable, Sendable {
  /// The sums for one tensor of a model.
  package struct Sums: Equatable, Sendable {
    /// `[matrices, columns]`
    package let squares: [Float]
    /// One for each matrix.
    package let counts: [Float]

    /// - Parameters:
    ///   - squares: `[matrices, columns]`
    ///   - counts: How many inputs each matrix has met.
    package init(squares: [Float], counts: [Float]) {
      precondition(!counts.isEmpty && squares.count % counts.count == 0)
      (self.squares, self.counts) = (squares, counts)
    }

    package var columns: Int { squares.count / counts.count }

    /// What errors weigh in one matrix: of one that no input has met, what they weigh in the others together.
    package func weights(ofMatrix index: Int) -> [Float] {
      let own = Array(squares[index * columns..<(index + 1) * columns])
      guard counts[index] == 0 else { return own }
      return (0..<columns).map { column in
        stride(from: column, to: squares.count, by: columns).reduce(0) { $0 + squares[$1] }
      }
    }
  }

  /// By the names that tensors have in files of the model.
  package var sums: [String: Sums]
  /// Where the inputs came from, and how many samples of how many tokens there were.
  package var sources: [String]
  package var sampleCount: Int
  package var sequenceLength: Int

  package init(
    sums: [String: Sums], sources: [String], sampleCount: Int, sequenceLength: Int
  ) {
    (self.sums, self.sources) = (sums, sources)
    (self.sampleCount, self.sequenceLength) = (sampleCount, sequenceLength)
  }

  /// What errors weigh in the columns of a matrix; nil where nothing is known of its tensor.
  ///
  /// - Parameters:
  ///   - tensor: Its name.
  ///   - index: Which one of a stack it is.
  ///   - count: How many matrices the tensor has.
  /// - Throws: `invalidValue` for sums of a tensor of another shape.
  package func weights(
    of tensor: String, matrix index: Int, count: Int, columns: Int
  ) throws(InputError) -> [Float]? {
    guard let sums = sums[tensor] else { return nil }
    guard sums.counts.count == count, sums.columns == columns else {
      throw InputError(
        .invalidValue, place: "importances",
        "found \(sums.counts.count) rows of \(sums.columns) numbers, expected \(count) of \(columns): they are those of another model"
      )
    }
    return sums.weights(ofMatrix: index)
  }

  private static let typeKey = "general.type"
  private static let type = "imatrix"
  private static let sourcesKey = "imatrix.datasets"
  private static let countKey = "imatrix.chunk_count"
  private static let lengthKey = "imatrix.chunk_size"
  private static let (squaresSuffix, countsSuffix) = (".in_sum2", ".counts")

  // MARK: Files

  /// The bytes of a file.
  ///
  /// - Throws: `invalidValue` for names that are too long for a file.
  package func encoded() throws(InputError) -> Data {
    var metadata = GGUFMetadata()
    metadata[Self.typeKey] = .string(Self.type)
    metadata[Self.sourcesKey] = .strings(sources)
    metadata[Self.countKey] = .uint32(UInt32(clamping: sampleCount))
    metadata[Self.lengthKey] = .uint32(UInt32(clamping: sequenceLength))
    let ordered = sums.sorted { $0.key < $1.key }
    let header = try GGUFHeader(
      layingOut: ordered.flatMap { name, sums in
        [
          GGUFTensorInfo(
            name: name + Self.squaresSuffix, type: .f32, shape: [sums.counts.count, sums.columns]),
          GGUFTensorInfo(
            name: name + Self.countsSuffix, type: .f32, shape: [sums.counts.count, 1]),
        ]
      }, metadata: metadata)
    var data = Data(header.encoded)
    let start = data.count
    for (entry, numbers) in zip(
      header.entries, ordered.flatMap { [$0.value.squares, $0.value.counts] })
    {
      data.append(Data(count: start + entry.offsets.lowerBound - data.count))
      numbers.withUnsafeBytes { data.append(contentsOf: $0) }
    }
    data.append(Data(count: start + header.dataByteCount - data.count))
    return data
  }

  /// Writes a file, in the place of one that is there.
  package func write(to file: URL) throws(InputError) {
    let data = try encoded()
    do {
      try data.write(to: file, options: .atomic)
    } catch {
      throw InputError(
        .unwritable, source: file.path(percentEncoded: false),
        "cannot be written: \(systemReason(error))")
    }
  }

  /// Reads a file.
  ///
  /// - Throws: `InputError` naming the file and the tensor at fault: what opening a file throws; `unsupported` for one that
  ///   holds something else; `malformed` for sums without counts, or of other shapes or types; `invalidValue` for numbers
  ///   that are negative, infinite or NaN.
  package init(opening url: URL) throws(InputError) {
    let file = try GGUFFile(opening: url)
    do throws(InputError) {
      try self.init(file)
    } catch {
      throw error.inSource(url.path)
    }
  }

  private init(_ file: GGUFFile) throws(InputError) {
    guard case .string(Self.type) = file.metadata[Self.typeKey] else {
      throw InputError(
        .unsupported, place: "key \(quoted(Self.typeKey))",
        "expected \(Self.type), a file of importances as llama-imatrix writes it")
    }
    var sums: [String: Sums] = [:]
    var countsRead = 0
    for info in file.tensors where info.name.hasSuffix(Self.squaresSuffix) {
      let name = String(info.name.dropLast(Self.squaresSuffix.count))
      let squares = try Self.numbers(info.name, in: file)
      let counts = try Self.numbers(name + Self.countsSuffix, in: file)
      guard info.shape.count <= 2, squares.count == counts.count * (info.shape.last ?? 0) else {
        throw InputError(
          .malformed, place: "tensor \(quoted(info.name))",
          "has shape \(info.shape) beside \(counts.count) counts, expected a row for each of them")
      }
      sums[name] = Sums(squares: squares, counts: counts)
      countsRead += 1
    }
    guard 2 * countsRead == file.tensors.count, countsRead > 0 else {
      let other = file.tensors.first {
        !$0.name.hasSuffix(Self.squaresSuffix) && !$0.name.hasSuffix(Self.countsSuffix)
      }
      throw InputError(
        .malformed, place: other.map { "tensor \(quoted($0.name))" },
        "expected sums, \(Self.squaresSuffix), and counts, \(Self.countsSuffix), for each tensor of a model"
      )
    }
    self.sums = sums
    sources = []
    if case .array(.strings(let names)) = file.metadata[Self.sourcesKey] { sources = names }
    func count(_ key: String) -> Int {
      if case .uint32(let count) = file.metadata[key] { Int(count) } else { 0 }
    }
    (sampleCount, sequenceLength) = (count(Self.countKey), count(Self.lengthKey))
  }

  private static func numbers(_ name: String, in file: GGUFFile) throws(InputError) -> [Float] {
    let place = "tensor \(quoted(name))"
    guard let info = file.info(name) else {
      throw InputError(.malformed, place: place, "is not in this file")
    }
    guard info.type == .f32 else {
      throw InputError(.malformed, place: place, "is of type \(info.type.name), expected f32")
    }
    let numbers = try file.stored(name).floats()
    guard let bad = numbers.first(where: { !($0.isFinite && $0 >= 0) }) else { return numbers }
    throw InputError(
      .invalidValue, place: place, "found \(bad), expected numbers that are not negative")
  }
}
