/// Keys and values of one attention layer for the tokens of one sequence so far, as rows in the compute type;
/// zero where no token is yet.
package struct KeyValueCache {
  package let keys: any DeviceBuffer
  package let values: any DeviceBuffer
  package let keyColumns: Int
  package let valueColumns: Int

  /// - Parameter capacity: Rows of each.
  package init(
    capacity: Int, keyColumns: Int, valueColumns: Int, device: any Device
  ) {
    func cleared(columns: Int) -> any DeviceBuffer {
      let buffer = device.makeBuffer(byteCount: capacity * columns * device.compute.byteCount)
      buffer.clear(from: 0, byteCount: buffer.byteCount)
      return buffer
    }
    self.keyColumns = keyColumns
    self.valueColumns = valueColumns
    keys = cleared(columns: keyColumns)
    values = cleared(columns: valueColumns)
  }
}
