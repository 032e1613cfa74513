internal import CKernels
import Compute
import Recordings
import Tensors

/// `y = [a | b | ...]`: columns of values side by side. The gradient of an operand that is there several times is the sum of
/// its copies' gradients.
struct JuxtapositionKernel: Kernel {
  let step: Step
  private var columns: Int { step.columns(of: step.result) }

  func forward(in program: Program) {
    let size = program.compute.byteCount
    let y = program[step.result]
    let parts = step.inputs.map { part in
      (from: program[part], stride: step.columns(of: part.value) * size, count: part.columns * size)
    }
    ThreadTeam.forRanges(of: step.rows) { begin, end in
      var target = y + begin * columns * size
      for part in parts {
        copyRows(
          end - begin, byteCount: part.count, from: part.from + begin * part.stride, part.stride,
          to: target, columns * size)
        target += part.count
      }
    }
  }

  func backward(in program: Program) {
    let (type, size) = (program.compute.element, program.compute.byteCount)
    let dy = program.gradient(of: step.result)
    let places = places()
    let targets = places.map { program.gradientTarget($0.input, of: step) }
    ThreadTeam.forRanges(of: step.rows) { begin, end in
      for (place, target) in zip(places, targets) {
        guard let target else { continue }
        let count = step.inputs[place.input].columns
        let (stride, from) = (target.rowStride * size, dy + begin * columns * size)
        let to = target.pointer + begin * stride
        if place.columns.count > 1 {
          sum(end - begin, place.columns, count, from: from, to: to, target)
        } else if !target.accumulates {
          copyRows(
            end - begin, byteCount: count * size, from: from + place.columns[0] * size,
            columns * size, to: to, stride)
        } else {
          for row in 0..<end - begin {
            let own = from + (row * columns + place.columns[0]) * size
            ck_add(type, to + row * stride, own, to + row * stride, 0, count)
          }
        }
      }
    }
  }

  /// Where in the result each operand is, from the first column of each copy of it; `input` is its first place among the
  /// inputs, whose gradient is written or added to before those of the others.
  private func places() -> [(input: Int, columns: [Int])] {
    var places: [(input: Int, columns: [Int])] = []
    var known: [Operand: Int] = [:]
    var column = 0
    for (index, part) in step.inputs.enumerated() {
      if let place = known[part] {
        places[place].columns.append(column)
      } else {
        known[part] = places.count
        places.append((index, [column]))
      }
      column += part.columns
    }
    return places
  }

  /// The sum of the gradients of all copies of an operand, in f32, rounded once.
  private func sum(
    _ rows: Int, _ places: [Int], _ count: Int, from: UnsafeRawPointer,
    to: UnsafeMutableRawPointer, _ target: GradientTarget
  ) {
    let (type, size) = (step.compute.element, step.compute.byteCount)
    var (sums, own) = ([Float](repeating: 0, count: count), [Float](repeating: 0, count: count))
    for row in 0..<rows {
      for (index, place) in places.enumerated() {
        let source = from + (row * columns + place) * size
        guard index > 0 else {
          ck_read_rows(type, source, columns, &sums, 1, count)
          continue
        }
        ck_read_rows(type, source, columns, &own, 1, count)
        for column in 0..<count { sums[column] += own[column] }
      }
      ck_write_rows(
        type, sums, to + row * target.rowStride * size, target.rowStride, target.accumulates, 1,
        count)
    }
  }
}
