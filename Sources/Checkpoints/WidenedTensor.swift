internal import CKernels
import Diagnostics
import Foundation
import Tensors

/// A tensor that a checkpoint has in small floats with scales, and that is read as the numbers which they stand for.
struct WidenedTensor: Sendable {
  /// How floats and scales lie.
  enum Storage: Sendable, Equatable {
    /// `w[..., r, c] = e4m3(codes[..., r, c]) * scales[..., r / rows, c / columns]`; the last block of a row or a
    /// column may be smaller.
    case blocks(rows: Int, columns: Int)
    /// `w[e, 32 g + i, r] = e2m1(code i of codes[e, r, g]) * 2^(scales[e, r, g] - 127)`: codes are `[E, R, G, 16]`, a
    /// byte holds codes 2k and 2k + 1 from its low bits on, and what is read is turned, `[E, 32 G, R]`.
    case turnedGroups
  }

  /// Name, type and shape of what is read.
  let info: TensorInfo
  /// The names of the tensors in files.
  let codes: String
  let scales: String
  let storage: Storage

  /// Reads the tensor, in new memory.
  ///
  /// Products are made in f32 and rounded once, to the type of ``info``.
  ///
  /// - Parameter member: Which slice along the first dimension is read; nil for all.
  /// - Throws: `notFinite`, naming file and tensor.
  func read(from files: FileTensors, member: Int? = nil) throws(InputError) -> Tensor {
    let place = TensorPlace(tensor: info.name, index: member)
    let codes = place.slice(of: try files.tensor(codes))
    let scales = place.slice(of: try files.tensor(scales))
    defer {
      codes.releasePages()
      scales.releasePages()
    }
    let shape = member == nil ? info.shape : Array(info.shape.dropFirst())
    try requireFinite(scales, from: (member ?? 0) * scales.count, files)
    if let bad = codes.withUnsafeBytes({ $0.firstNonFinite(codes.dtype) }) {
      throw files.failure(.notFinite, self.codes, "element \(bad) is NaN")
    }
    guard codes.count > 0 else { return Tensor(zeros: shape, dtype: info.dtype) }
    return Tensor(filling: shape, dtype: info.dtype) { target in
      codes.withUnsafeBytes { codes in
        guard let codes = codes.baseAddress?.assumingMemoryBound(to: UInt8.self),
          let target = target.baseAddress
        else { return }
        switch storage {
        case .blocks(let rows, let columns):
          widen(
            codes, scales.floats(), shape, block: (rows, columns), into: target)
        case .turnedGroups:
          let exponents = scales.elements(as: UInt8.self)
          for stack in 0..<shape.dropLast(2).reduce(1, *) {
            let groups = shape[shape.count - 2] / 32 * shape[shape.count - 1]
            exponents.withUnsafeBufferPointer { exponents in
              turn(
                codes + stack * groups * 16,
                UnsafeBufferPointer(rebasing: exponents[stack * groups..<(stack + 1) * groups]),
                rows: shape[shape.count - 1], groups: shape[shape.count - 2] / 32,
                into: target + stack * groups * 32 * info.dtype.byteCount)
            }
          }
        }
      }
    }
  }

  /// Refuses scales by which some code would become infinite or NaN in the type that is read.
  func requireFiniteScales(_ files: FileTensors) throws(InputError) {
    try requireFinite(files.tensor(scales), from: 0, files)
  }

  /// The same for those of a part.
  ///
  /// - Parameter first: The number of the part's first scale among all.
  private func requireFinite(
    _ part: Tensor, from first: Int, _ files: FileTensors
  ) throws(InputError) {
    let bad: Int?
    switch storage {
    case .blocks:
      let limit = greatestNumber / 448
      bad = part.floats().firstIndex { !($0.magnitude <= limit) }
    case .turnedGroups:
      // Zero has an exponent far below, and NaN the greatest.
      let limit = 127 + Int((greatestNumber / 6).exponent)
      bad = part.withUnsafeBytes { $0.firstIndex { Int($0) > limit } }
    }
    guard let bad else { return }
    throw files.failure(
      .notFinite, scales,
      "element \(first + bad) is NaN, or makes numbers that \(info.dtype.rawValue) cannot hold")
  }

  private var greatestNumber: Float {
    switch info.dtype {
    case .float16: 65504
    case .bfloat16: Float(bitPattern: 0x7F7F_0000)
    default: .greatestFiniteMagnitude
    }
  }

  /// Elements that are f32 at a time.
  private static let pieceCount = 4096

  private func widen(
    _ codes: UnsafePointer<UInt8>, _ scales: [Float], _ shape: [Int],
    block: (rows: Int, columns: Int), into target: UnsafeMutableRawPointer
  ) {
    let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1])
    let blocks = (Self.blocks(rows, block.rows), Self.blocks(columns, block.columns))
    let dtype = info.dtype
    ThreadTeam.forRanges(of: shape.dropLast().reduce(1, *)) { begin, end in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: min(columns, Self.pieceCount)) {
        piece in
        guard let wide = piece.baseAddress else { return }
        for row in begin..<end {
          let (stack, inner) = row.quotientAndRemainder(dividingBy: rows)
          let scale = (stack * blocks.0 + inner / block.rows) * blocks.1
          for first in stride(from: 0, to: columns, by: piece.count) {
            let last = min(first + piece.count, columns)
            var column = first
            while column < last {
              let number = column / block.columns
              let end = min((number + 1) * block.columns, last)
              ck_float_dequantize(
                codes + row * columns + column, CK_FP8, scales[scale + number],
                wide + (column - first), CK_F32, end - column)
              column = end
            }
            Tensor.narrow(
              wide, target + (row * columns + first) * dtype.byteCount, dtype, last - first)
          }
        }
      }
    }
  }

  private func turn(
    _ codes: UnsafePointer<UInt8>, _ exponents: UnsafeBufferPointer<UInt8>, rows: Int, groups: Int,
    into target: UnsafeMutableRawPointer
  ) {
    let dtype = info.dtype
    ThreadTeam.forRanges(of: groups) { begin, end in
      let side = min(rows, Self.pieceCount / 32)
      withUnsafeTemporaryAllocation(of: Float.self, capacity: 32 * side) { piece in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 32) { numbers in
          withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { single in
            guard let wide = piece.baseAddress, let numbers = numbers.baseAddress,
              let single = single.baseAddress
            else { return }
            for group in begin..<end {
              for first in stride(from: 0, to: rows, by: side) {
                let count = min(side, rows - first)
                for row in 0..<count {
                  let place = (first + row) * groups + group
                  for byte in 0..<16 {
                    let pair = codes[place * 16 + byte]
                    (single[2 * byte], single[2 * byte + 1]) = (pair & 15, pair >> 4)
                  }
                  let scale = Float(
                    sign: .plus, exponent: Int(exponents[place]) - 127, significand: 1)
                  ck_float_dequantize(single, CK_MXFP4, scale, numbers, CK_F32, 32)
                  for index in 0..<32 { wide[index * side + row] = numbers[index] }
                }
                for index in 0..<32 {
                  let column = (group * 32 + index) * rows + first
                  Tensor.narrow(
                    wide + index * side, target + column * dtype.byteCount, dtype, count)
                }
              }
            }
          }
        }
      }
    }
  }

  /// How many blocks there are of which the last may be smaller.
  static func blocks(_ count: Int, _ size: Int) -> Int {
    count / size + (count.isMultiple(of: size) ? 0 : 1)
  }
}
